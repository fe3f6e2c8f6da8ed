"""How the customer's page looks: two languages, no script, nothing from elsewhere."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from babel import Locale
from babel.dates import format_date
from jinja2 import Environment

from api import feedback_page, return_page

Row = Mapping[str, Any]

HEADERS = {
    # Forms send to this page alone. Nothing here rests on a cookie: whoever can send them has the
    # order's token, so there is no standing authority that another site could borrow.
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}

_WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "title": "Your order",
        "hello": "Hello",
        "stages": ["Placed", "Confirmed", "On its way", "Delivered"],
        "ended": {
            "canceled": "This order was canceled.",
            "expired": "This order has expired.",
        },
        "parcel": "Parcel",
        "follow": "Follow it at the carrier",
        "waiting": "Not in stock at the moment",
        "expected": "expected on",
        "no_date": "no date is known yet",
        "leave": "I do not want to wait",
        "leave_title": "Take these items out of your order?",
        "leave_all": "Nothing else is in your order, so it will be canceled.",
        "leave_rest": "The rest of your order goes ahead.",
        "leave_money": "You do not pay for them; if they were already charged, you get the money "
        "back.",
        "leave_yes": "Take them out",
        "back": "No, back to my order",
        "cancel": "Cancel this order",
        "cancel_title": "Cancel your order?",
        "cancel_money": "You get back whatever you have paid for it. This cannot be undone.",
        "cancel_yes": "Cancel my order",
        "instead": "Something else for you",
        "instead_of": "instead of",
        "same_price": "You pay what you would pay for what you ordered.",
        "answer_by": "We keep it for you until",
        "accept": "Yes, send me this",
        "refuse": "No, thank you",
        "notices": {
            "offer_over": "This offer is over.",
            "return_window_over": "Nothing can be sent back here. Please write to us.",
            "nothing_waiting": "Nothing of your order waits any more.",
            "order_closed": "This order is closed.",
            "cancel_in_progress": "This order is being canceled.",
            "cancel_not_allowed": "Your order is too far on its way to be canceled here. Please "
            "write to us.",
            "already_shipped": "Your order is on its way already.",
            "changed": "Your order has changed in the meantime. Please look again.",
            "try_again": "That did not work just now. Please try again in a moment.",
        },
        "status": {
            "unknown": "no news yet",
            "pre_transit": "handed over soon",
            "in_transit": "on its way",
            "out_for_delivery": "out for delivery",
            "attempted_delivery": "delivery was tried",
            "available_for_pickup": "ready for pick-up",
            "delayed": "delayed",
            "delivered": "delivered",
            "return_to_sender": "on its way back to us",
            "lost": "not found by the carrier",
            "failure": "in trouble at the carrier",
        },
    },
    "tr": {
        "title": "Siparişiniz",
        "hello": "Merhaba",
        "stages": ["Alındı", "Onaylandı", "Yolda", "Teslim edildi"],
        "ended": {
            "canceled": "Bu sipariş iptal edildi.",
            "expired": "Bu siparişin süresi doldu.",
        },
        "parcel": "Paket",
        "follow": "Kargo firmasında takip edin",
        "waiting": "Şu anda stokta yok",
        "expected": "beklenen tarih:",
        "no_date": "henüz belli bir tarih yok",
        "leave": "Beklemek istemiyorum",
        "leave_title": "Bu ürünler siparişinizden çıkarılsın mı?",
        "leave_all": "Siparişinizde başka ürün olmadığı için sipariş iptal edilecek.",
        "leave_rest": "Siparişinizin kalanı planlandığı gibi devam eder.",
        "leave_money": "Bu ürünler için ödeme yapmazsınız; ücreti alındıysa paranız iade edilir.",
        "leave_yes": "Siparişimden çıkarın",
        "back": "Hayır, siparişime dön",
        "cancel": "Bu siparişi iptal et",
        "cancel_title": "Siparişiniz iptal edilsin mi?",
        "cancel_money": "Ödediğiniz tutarın tamamı iade edilir. Bu işlem geri alınamaz.",
        "cancel_yes": "Siparişimi iptal et",
        "instead": "Sizin için başka bir ürün",
        "instead_of": "şunun yerine:",
        "same_price": "Sipariş ettiğiniz ürün için ne ödeyecekseniz onu ödersiniz.",
        "answer_by": "Sizin için şu güne kadar ayırdık:",
        "accept": "Evet, bunu gönderin",
        "refuse": "Hayır, teşekkürler",
        "notices": {
            "offer_over": "Bu önerinin süresi geçti.",
            "return_window_over": "Buradan iade edilebilecek bir ürün yok. Bize yazın.",
            "nothing_waiting": "Siparişinizde artık bekleyen ürün yok.",
            "order_closed": "Bu sipariş kapandı.",
            "cancel_in_progress": "Bu sipariş iptal ediliyor.",
            "cancel_not_allowed": "Siparişiniz buradan iptal edilemeyecek kadar ilerledi. Lütfen "
            "bize yazın.",
            "already_shipped": "Siparişiniz yola çıktı.",
            "changed": "Siparişiniz bu arada değişti. Lütfen yeniden bakın.",
            "try_again": "Şu anda olmadı. Lütfen biraz sonra yeniden deneyin.",
        },
        "status": {
            "unknown": "henüz haber yok",
            "pre_transit": "yakında kargoya verilecek",
            "in_transit": "yolda",
            "out_for_delivery": "dağıtımda",
            "attempted_delivery": "teslimat denendi",
            "available_for_pickup": "teslim alınabilir",
            "delayed": "gecikti",
            "delivered": "teslim edildi",
            "return_to_sender": "bize geri dönüyor",
            "lost": "kargo firması bulamıyor",
            "failure": "kargo firmasında sorun var",
        },
    },
}

_HEAD = """\
<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title }} {{ number }}</title>
<link rel="stylesheet" href="/track/style.css">
</head>
<body>
<main>
<h1>{{ words.title }} {{ number }}</h1>
"""
_TAIL = """\
</main>
</body>
</html>
"""

_ENVIRONMENT = Environment(autoescape=True)
_PAGE = _ENVIRONMENT.from_string(
    _HEAD
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
    + _TAIL
)
_CANCEL = _ENVIRONMENT.from_string(
    _HEAD
    + """\
<h2>{{ words.cancel_title }}</h2>
<p>{{ words.cancel_money }}</p>
<form method="post" action="/track/{{ token }}/cancel">
<button>{{ words.cancel_yes }}</button></form>
<p><a href="/track/{{ token }}">{{ words.back }}</a></p>
"""
    + _TAIL
)
_RETURN = _ENVIRONMENT.from_string(_HEAD + return_page.FORM + _TAIL)
_LEAVE = _ENVIRONMENT.from_string(
    _HEAD
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
    + _TAIL
)

STYLE = """\
body { font: 1.1rem/1.5 system-ui, sans-serif; color: #222; background: #fafafa; margin: 0; }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
ol { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; }
ol li { padding: .4rem .8rem; border-radius: 1rem; background: #e4e4e4; color: #555; }
ol li.done { background: #1c6b3c; color: #fff; }
section { border-top: 1px solid #ccc; }
form { display: inline-block; margin: 0 .5rem .5rem 0; }
button { font: inherit; padding: .4rem 1rem; border-radius: .4rem; border: 1px solid #1c6b3c;
  background: #1c6b3c; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #1c6b3c; }
.ended { font-weight: bold; }
.notice { border-left: .3rem solid #b25d00; padding-left: .8rem; }
"""


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
        may_return=bool(return_page.returnable(row)),
        back_words=return_page.WORDS[language],
    )


def ask_return_page(row: Row, token: str) -> str | None:
    """Ask what shall go back; None when there is nothing."""
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
        )
    ) or None


def cancel_page(row: Row, token: str) -> str:
    """Ask whether the customer is sure."""
    language, words = _language(row)
    return _CANCEL.render(language=language, words=words, token=token, number=row["number"])


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
    return language, _WORDS[language]


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
