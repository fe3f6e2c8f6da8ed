"""The customer's page of an order: how far it is, and what they may say about it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date

from adapters.mail.formats import money
from api import feedback_page, return_page
from api.page_frame import ENVIRONMENT, HEAD, TAIL
from api.tracking_words import WORDS
from domain.money import Money

Row = Mapping[str, Any]

_PAGE = ENVIRONMENT.from_string(
    HEAD
    + """\
{% if notice %}<p class="notice" role="status">{{ notice }}</p>
{% endif %}{% if first_name %}<p>{{ words.hello }} {{ first_name }}</p>{% endif %}
{% if ended %}<p class="ended">{{ ended }}</p>{% else %}
<ol>
{% for stage in words.stages %}<li{% if loop.index0 < reached %} class="done"{% endif %}\
{% if loop.index0 == reached - 1 %} aria-current="step"{% endif %}>{{ stage }}</li>
{% endfor %}</ol>{% endif %}
{% for offer in offers %}<section>
<h2>{{ words.instead }}</h2>
<p>{{ offer.quantity }} × {{ offer.name }}, {{ words.instead_of }} {{ offer.ordered_name }}</p>
{% if offer.note %}<p>{{ offer.note }}</p>
{% endif %}<p>{{ words.same_price }} {{ words.answer_by }} {{ offer.until }}.</p>
<form method="post" action="/track/{{ token }}/substitutions/{{ offer.id }}/accept">
<button>{{ words.accept }}</button></form>
<form method="post" action="/track/{{ token }}/substitutions/{{ offer.id }}/refuse">
<button class="quiet">{{ words.refuse }}</button></form>
</section>
{% endfor %}{% if waiting %}<section>
<h2>{{ words.waiting }}</h2>
<ul>
{% for line in waiting %}<li>{{ line.quantity }} × {{ line.name }}: \
{% if line.expected_on %}{{ words.expected }} {{ line.expected_on }}{% else %}{{ words.no_date }}\
{% endif %}</li>
{% endfor %}</ul>
<p><a href="/track/{{ token }}/leave">{{ words.leave }}</a></p>
</section>
{% endif %}{% for parcel in parcels %}<section>
<h2>{{ words.parcel }} {{ loop.index }}</h2>
<p>{{ parcel.carrier or "" }} {{ parcel.tracking_number or "" }}:
{{ words.status[parcel.tracking_status] }}</p>
{% if parcel.tracking_url %}<p><a href="{{ parcel.tracking_url }}" rel="noreferrer">\
{{ words.follow }}</a></p>{% endif %}
</section>
{% endfor %}{% if may_cancel %}<section>
<p><a href="/track/{{ token }}/cancel">{{ words.cancel }}</a></p>
</section>
{% endif %}"""
    + return_page.SECTION
    + feedback_page.SECTION
    + TAIL
)
_CANCEL = ENVIRONMENT.from_string(
    HEAD
    + """\
<h2>{{ words.cancel_title }}</h2>
<p>{{ words.cancel_fee|format(costs) if fee else words.cancel_money }}</p>
<form method="post" action="/track/{{ token }}/cancel">
<input type="hidden" name="fee" value="{{ fee }}">
<button>{{ words.cancel_yes }}</button></form>
<p><a href="/track/{{ token }}">{{ words.back }}</a></p>
"""
    + TAIL
)
_RETURN = ENVIRONMENT.from_string(HEAD + return_page.FORM + TAIL)
_LEAVE = ENVIRONMENT.from_string(
    HEAD
    + """\
<h2>{{ words.leave_title }}</h2>
<ul>
{% for line in waiting %}<li>{{ line.quantity }} × {{ line.name }}</li>
{% endfor %}</ul>
<p>{{ words.leave_money }} {{ words.leave_all if all else words.leave_rest }}</p>
<form method="post" action="/track/{{ token }}/leave">
<input type="hidden" name="version" value="{{ version }}">
{% for line in waiting %}<input type="hidden" name="line" value="{{ line.id }}:{{ line.quantity }}">
{% endfor %}<button>{{ words.leave_yes }}</button></form>
<p><a href="/track/{{ token }}">{{ words.back }}</a></p>
"""
    + TAIL
)


def page(row: Row, token: str, notice: str = "", *, may_cancel: bool = False) -> str:
    """How far the order is, and what its customer may say; `notice` is a code of the words."""
    language, words = _language(row)
    parcels = [s for s in row["shipments"] or () if s["status"] in ("shipped", "delivered")]
    name = ((row["contact"] or {}).get("name") or "").split()
    over = row["status"] not in ("pending", "confirmed")
    return _PAGE.render(
        language=language,
        words=words,
        token=token,
        number=row["number"],
        notice=words["notices"].get(notice, words["notices"]["changed"]) if notice else "",
        first_name=name[0] if name else "",
        ended=words["ended"].get(row["status"]),
        reached=_reached(row),
        offers=[] if over else _offers(row),
        waiting=[] if over else _waiting(row),
        parcels=parcels,
        may_cancel=may_cancel,
        feedback=feedback_page.state(row),
        how=feedback_page.WORDS[language],
        returns=return_page.shown(row),
        replacements=return_page.sent_for(row, None),
        sent_for=return_page.sent_from(row),
        may_return=bool(return_page.returnable(row)),
        back_words=return_page.WORDS[language],
    )


def ask_return_page(row: Row, token: str, *, again: bool = False) -> str | None:
    """Ask what shall go back, `again` when nothing was chosen; None when there is nothing."""
    language, words = _language(row)
    lines = return_page.returnable(row)
    return (
        lines
        and _RETURN.render(
            language=language,
            words=words,
            back_words=return_page.WORDS[language],
            token=token,
            number=row["number"],
            version=row["version"],
            lines=lines,
            # Who has one thing alone to send back means that.
            least=int(len(lines) == 1),
            notice=return_page.WORDS[language]["nothing"] if again else "",
        )
    ) or None


def cancel_page(row: Row, token: str, fee: int) -> str:
    """Ask whether the customer is sure; the form tells back what they were told that it costs."""
    language, words = _language(row)
    return _CANCEL.render(
        language=language,
        words=words,
        token=token,
        number=row["number"],
        fee=fee,
        costs=money(Money(fee, row["currency"]), Locale(language)),
    )


def leave_page(row: Row, token: str) -> str | None:
    """Ask whether the customer is sure; None when nothing waits."""
    waiting = _waiting(row)
    if not waiting or row["status"] != "confirmed":
        return None
    language, words = _language(row)
    left = sum(x["quantity"] - x["canceled"] - x["backordered"] for x in row["lines"])
    return _LEAVE.render(
        language=language,
        words=words,
        token=token,
        number=row["number"],
        version=row["version"],
        waiting=waiting,
        all=not left,
    )


def _language(row: Row) -> tuple[str, dict[str, Any]]:
    language = "tr" if row["locale"].lower().startswith("tr") else "en"
    return language, WORDS[language]


def _waiting(row: Row) -> list[dict[str, Any]]:
    return [
        {
            "id": line["id"],
            "name": line["name"],
            "quantity": line["backordered"],
            "expected_on": _day(line["expected_on"], row),
        }
        for line in row["lines"] or ()
        if line["backordered"]
    ]


def _offers(row: Row) -> list[dict[str, Any]]:
    names = {line["id"]: line["name"] for line in row["lines"] or ()}
    return [
        {
            **offer,
            "ordered_name": names[offer["line_id"]],
            "until": _day(datetime.fromisoformat(offer["expires_at"]).date(), row),
        }
        for offer in row["substitutions"] or ()
        if offer["status"] == "offered"
    ]


def _day(day: date | None, row: Row) -> str:
    """A day as it is written in the page's language, in the customer's region where that fits."""
    if day is None:
        return ""
    language, _ = _language(row)
    region = row["locale"].partition("-")[2]
    known = Locale.parse(row["locale"], sep="-") if row["locale"].startswith(language) else None
    return format_date(day, "long", locale=known if known and region else Locale(language))


def _reached(row: Row) -> int:
    """How many of the four stages the order has reached."""
    if row["fulfillment_status"] == "delivered" or row["status"] == "completed":
        return 4
    if row["fulfillment_status"] in (
        "fulfilled",
        "partially_fulfilled",
        "partially_delivered",
    ):
        return 3
    return 2 if row["status"] == "confirmed" else 1
