"""Where a customer sends something back: a form on the page of their order, without a script."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError

from api.schemas.returns import ReturnIn
from domain.return_rules import Reason
from domain.states import RETURN, ReturnStage

Row = Mapping[str, Any]

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "ask": "Send something back",
        "title": "What do you want to send back?",
        "most": "at most",
        "nothing": "Please say how many of what you want to send back.",
        "reason": "Why?",
        "note": "Anything we should know",
        "wants": "What would you like for it?",
        "outcomes": {"refund": "My money back", "exchange": "The same again"},
        "yes": "Ask for the return",
        "code": "Return",
        "label": "Print the label",
        "cancel": "I keep it after all",
        "reasons": {
            "unwanted": "I do not want it",
            "does_not_fit": "It does not fit",
            "wrong_item": "It is not what I ordered",
            "damaged": "It is damaged",
            "not_as_described": "It is not as described",
            "arrived_late": "It came too late",
            "other": "Something else",
        },
        "status": {
            "requested": "we look at your request",
            "approved": "you can send it",
            "declined": "we cannot take it back",
            "in_transit": "on its way to us",
            "partially_received": "a part of it is here",
            "received": "here, we look at it",
            "inspected": "your money goes back",
            "closed": "done",
            "canceled": "canceled",
            "expired": "it was not sent in time",
        },
        "exchanged": "what you get for it is sent",
        "exchange": "In exchange you get order",
        "replacement": "In place of what was missing or wrong you get order",
        "of_exchange": "This order is in exchange for something from your order",
        "of_replacement": "This order is in place of something from your order",
    },
    "tr": {
        "ask": "İade etmek istiyorum",
        "title": "Neyi iade etmek istiyorsunuz?",
        "most": "en çok",
        "nothing": "Lütfen hangi üründen kaç tane iade etmek istediğinizi belirtin.",
        "reason": "Neden?",
        "note": "Bilmemiz gereken bir şey var mı?",
        "wants": "Karşılığında ne istersiniz?",
        "outcomes": {"refund": "Paramı geri istiyorum", "exchange": "Aynısını istiyorum"},
        "yes": "İade isteği gönder",
        "code": "İade",
        "label": "Etiketi yazdırın",
        "cancel": "İadeden vazgeçtim",
        "reasons": {
            "unwanted": "İstemiyorum",
            "does_not_fit": "Olmadı",
            "wrong_item": "Sipariş ettiğim ürün değil",
            "damaged": "Hasarlı",
            "not_as_described": "Anlatıldığı gibi değil",
            "arrived_late": "Çok geç geldi",
            "other": "Başka bir neden",
        },
        "status": {
            "requested": "isteğinizi inceliyoruz",
            "approved": "gönderebilirsiniz",
            "declined": "iadeyi kabul edemiyoruz",
            "in_transit": "bize geliyor",
            "partially_received": "bir bölümü ulaştı",
            "received": "ulaştı, inceliyoruz",
            "inspected": "ödemeniz iade ediliyor",
            "closed": "tamamlandı",
            "canceled": "iptal edildi",
            "expired": "zamanında gönderilmedi",
        },
        "exchanged": "karşılığındaki ürün gönderiliyor",
        "exchange": "Değişim siparişiniz:",
        "replacement": "Eksik veya hatalı ürünün yerine açılan siparişiniz:",
        "of_exchange": "Bu sipariş, şu siparişinizdeki bir ürünün değişimidir:",
        "of_replacement": "Bu sipariş, şu siparişinizdeki bir ürünün yerine açıldı:",
    },
}

# On the page of the order: what it was sent for, its returns, what was sent in their place, and the
# way to another one.
SECTION = """\
{% macro link(text, other) %}<p>{{ text }} {% if other.public_token %}\
<a href="/track/{{ other.public_token }}">{{ other.number }}</a>{% else %}{{ other.number }}\
{% endif %}{% if other.ended %} ({{ back_words.status.canceled }}){% endif %}</p>
{% endmacro %}{% for other in sent_for %}<section>
{{ link(back_words.of_exchange if other.return_id else back_words.of_replacement, other) }}\
</section>
{% endfor %}{% for ret in returns %}<section>
<h2>{{ back_words.code }} {{ ret.number }}</h2>
<p>{{ back_words.exchanged if ret.exchanged else back_words.status[ret.status] }}</p>
{% for other in ret.sent_for %}{{ link(back_words.exchange, other) }}{% endfor %}\
{% if ret.label_url %}<p><a href="{{ ret.label_url }}" rel="noreferrer">\
{{ back_words.label }}</a></p>
{% endif %}{% if ret.cancelable %}<form method="post" \
action="/track/{{ token }}/returns/{{ ret.id }}/cancel">
<button class="quiet">{{ back_words.cancel }}</button></form>
{% endif %}</section>
{% endfor %}{% for other in replacements %}<section>
{{ link(back_words.replacement, other) }}</section>
{% endfor %}{% if may_return %}<section>
<p><a href="/track/{{ token }}/return">{{ back_words.ask }}</a></p>
</section>
{% endif %}"""
FORM = """\
<h2>{{ back_words.title }}</h2>
{% if notice %}<p class="notice" role="status">{{ notice }}</p>
{% endif %}<form method="post" action="/track/{{ token }}/return">
<input type="hidden" name="version" value="{{ version }}">
{% for line in lines %}<p>
<label><input type="number" name="{{ line.id }}" \
value="{{ least }}" min="{{ least }}" max="{{ line.left }}"> \
{{ line.name }} ({{ back_words.most }} {{ line.left }})</label>
</p>
{% endfor %}<p><label>{{ back_words.reason }} <select name="reason">
{% for code, text in back_words.reasons.items() %}<option value="{{ code }}">{{ text }}</option>
{% endfor %}</select></label></p>
<p><label>{{ back_words.wants }} <select name="wants">
{% for code, text in back_words.outcomes.items() %}<option value="{{ code }}">{{ text }}</option>
{% endfor %}</select></label></p>
<p><label>{{ back_words.note }}
<textarea name="note" rows="3" maxlength="1000"></textarea></label></p>
<button>{{ back_words.yes }}</button></form>
<p><a href="/track/{{ token }}">{{ words.back }}</a></p>
"""

_UNITS = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
_LINE = re.compile(r"lin_[0-9a-z]{1,40}", re.ASCII)
_FREE = {"declined", "canceled", "expired"}
_UNSENT = {"canceled", "expired"}


def returnable(row: Row) -> list[dict[str, Any]]:
    """Lines of which the customer has units that are in no return."""
    left: Counter[str] = Counter()
    for parcel in row["shipments"] or ():
        if parcel["status"] == "delivered":
            for part in parcel["lines"] or ():
                left[part["line_id"]] += part["quantity"] - part["written_off"]
    for ret in row["returns"] or ():
        if ret["status"] not in _FREE:
            for part in ret["lines"] or ():
                announced = 0 if ret["status"] == "closed" else part["quantity"]
                units = max(announced, part["received"]) - part["rejected"]
                left[part["line_id"]] -= units
    return [
        {"id": line["id"], "name": line["name"], "left": left[line["id"]]}
        for line in row["lines"] or ()
        if left[line["id"]] > 0
    ]


def shown(row: Row) -> list[dict[str, Any]]:
    """The order's returns as its page tells of them; a label while it is of use."""
    return [
        {
            "id": ret["id"],
            "number": ret["number"],
            "status": ret["status"],
            "label_url": ret["label_url"] if ret["status"] == "approved" else None,
            "cancelable": ReturnStage.CANCELED in RETURN[ReturnStage(ret["status"])],
            "exchanged": ret["wants"] == "exchange" and ret["status"] == "inspected",
            "sent_for": sent_for(row, ret["id"]),
        }
        for ret in row["returns"] or ()
    ]


def sent_for(row: Row, return_id: str | None) -> list[dict[str, Any]]:
    """The orders that were sent in place of a return's goods; None: of goods that stay."""
    return [
        {**other, "ended": other["status"] in _UNSENT}
        for other in row["exchanged_with"]
        if other["later"] and other["return_id"] == return_id
    ]


def sent_from(row: Row) -> list[Row]:
    """The order whose goods this one was sent for, if there is one."""
    return [other for other in row["exchanged_with"] if not other["later"]]


def read_form(form: str) -> tuple[str, ReturnIn | None] | None:
    """The version that the customer saw, and what they want: None in its place when no line was
    chosen. None for what makes no sense.
    """
    try:
        fields = parse_qs(form, max_num_fields=600)
    except ValueError:
        return None
    reason = fields.get("reason", [""])[0]
    note = fields.get("note", [""])[0].replace("\r\n", "\n").strip() or None
    version, wants = fields.get("version", [""])[0], fields.get("wants", ["refund"])[0]
    lines = [
        {"line_id": name, "quantity": int(values[0]), "reason": reason, "note": note}
        for name, values in fields.items()
        if _LINE.fullmatch(name) and _UNITS.fullmatch(values[0])
    ]
    if reason not in set(Reason) or not _UNITS.fullmatch(version):
        return None
    if not lines:
        return version, None
    try:
        return version, ReturnIn.model_validate({"lines": lines, "wants": wants})
    except ValidationError:
        return None
