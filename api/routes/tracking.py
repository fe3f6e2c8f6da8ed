"""The customer's page of one order, opened by its unguessable token: no account, no script."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment

from api.deps import services
from api.errors import not_found
from db import reads

router = APIRouter(tags=["tracking"])

_MAX_TOKEN = 64
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}

_WORDS = {
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

_PAGE = Environment(autoescape=True).from_string("""\
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
{% if first_name %}<p>{{ words.hello }} {{ first_name }}</p>{% endif %}
{% if ended %}<p class="ended">{{ ended }}</p>{% else %}
<ol>
{% for stage in words.stages %}<li{% if loop.index0 < reached %} class="done"{% endif %}\
{% if loop.index0 == reached - 1 %} aria-current="step"{% endif %}>{{ stage }}</li>
{% endfor %}</ol>{% endif %}
{% for parcel in parcels %}<section>
<h2>{{ words.parcel }} {{ loop.index }}</h2>
<p>{{ parcel.carrier or "" }} {{ parcel.tracking_number or "" }}:
{{ words.status[parcel.tracking_status] }}</p>
{% if parcel.tracking_url %}<p><a href="{{ parcel.tracking_url }}" rel="noreferrer">\
{{ words.follow }}</a></p>{% endif %}
</section>
{% endfor %}</main>
</body>
</html>
""")

_STYLE = """\
body { font: 1.1rem/1.5 system-ui, sans-serif; color: #222; background: #fafafa; margin: 0; }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
ol { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; }
li { padding: .4rem .8rem; border-radius: 1rem; background: #e4e4e4; color: #555; }
li.done { background: #1c6b3c; color: #fff; }
section { border-top: 1px solid #ccc; }
.ended { font-weight: bold; }
"""


@router.get("/track/style.css", include_in_schema=False)
async def style() -> Response:
    """The page's look."""
    return Response(_STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"})


@router.get("/track/{token}", include_in_schema=False)
async def track(request: Request, token: str) -> Response:
    """How far the order is, for whoever holds its token."""
    if not token.isascii() or not token.isprintable() or len(token) > _MAX_TOKEN:
        raise not_found("page")
    async with services(request).pool.acquire() as conn:
        row = await reads.order_by_token(conn, token)
    if row is None:
        raise not_found("page")
    return Response(_render(row), media_type="text/html; charset=utf-8", headers=_HEADERS)


def _render(row: Mapping[str, Any]) -> str:
    language = "tr" if row["locale"].lower().startswith("tr") else "en"
    words: dict[str, Any] = _WORDS[language]
    parcels = [s for s in row["shipments"] or () if s["status"] in ("shipped", "delivered")]
    name = ((row["contact"] or {}).get("name") or "").split()
    return _PAGE.render(
        language=language,
        words=words,
        number=row["number"],
        first_name=name[0] if name else "",
        ended=words["ended"].get(row["status"]),
        reached=_reached(row),
        parcels=parcels,
    )


def _reached(row: Mapping[str, Any]) -> int:
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
