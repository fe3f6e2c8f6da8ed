"""Pages for people: the bank's confirmation, a parcel's way, a label to print. No scripts."""

import json
import sqlite3
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import DictLoader, Environment, StrictUndefined

from adapters.sandbox.service.parcel_book import ParcelBook
from adapters.sandbox.service.payment_book import PaymentBook
from adapters.sandbox.service.problems import Problem
from domain.money import Money

_BASE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 3rem auto; padding: 0 1rem }
button { font: inherit; padding: .6rem 1.2rem; margin-right: .5rem }
dt { font-weight: 600 } td { padding-right: 1.5rem; vertical-align: top }
.note { color: #555 }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% block content %}{% endblock %}
<p class="note">This is Kervan's sandbox. No money moves and no parcel travels.</p>
</body>
</html>
"""

_PAYMENT = """{% extends "base" %}
{% block content %}
<dl>
<dt>Amount</dt><dd>{{ amount }}</dd>
<dt>Order</dt><dd>{{ order }}</dd>
<dt>State</dt><dd>{{ status }}</dd>
</dl>
{% if status == "action_required" %}
<form method="post">
<button name="outcome" value="succeed">Confirm the payment</button>
<button name="outcome" value="fail">Fail the payment</button>
</form>
{% else %}
<p>Nothing is left to do here.</p>
{% endif %}
{% if return_url %}<p><a href="{{ return_url }}">Back to the shop</a></p>{% endif %}
{% endblock %}
"""

_TRACK = """{% extends "base" %}
{% block content %}
<p>{{ number }}: <strong>{{ status }}</strong>
{% if estimated_at %}, expected {{ estimated_at }}{% endif %}</p>
<table>
{% for scan in scans %}
<tr><td>{{ scan.occurred_at }}</td><td>{{ scan.status }}</td><td>{{ scan.detail }}</td></tr>
{% endfor %}
</table>
{% endblock %}
"""

_LABEL = """{% extends "base" %}
{% block content %}
<p><strong>{{ number }}</strong> ({{ service }}, {{ weight_g }} g)</p>
<address>{% for line in lines %}{{ line }}<br>{% endfor %}</address>
{% endblock %}
"""

_PAGES = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    loader=DictLoader({"base": _BASE, "payment": _PAYMENT, "track": _TRACK, "label": _LABEL}),
)
_HEADERS = {
    # No form-action: browsers apply it to the redirect too, which leads back to the shop.
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


class Pages:
    """Unguessable addresses are the only key to these pages."""

    def __init__(self, payments: PaymentBook, parcels: ParcelBook) -> None:
        self._payments = payments
        self._parcels = parcels

    def router(self) -> APIRouter:
        """All routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/payments/{payment_id}/page", self.payment, methods=["GET"])
        router.add_api_route("/payments/{payment_id}/page", self.act, methods=["POST"])
        router.add_api_route("/track/{tracking_number}", self.track, methods=["GET"])
        router.add_api_route("/labels/{label_id}/print", self.label, methods=["GET"])
        return router

    async def payment(self, payment_id: str) -> Response:
        """Where a customer confirms, or says no."""
        row = self._payments.row(payment_id)
        amount = Money(row["amount"], row["currency"])
        return _page(
            "payment",
            title="Sandbox Bank",
            amount=f"{amount.decimal()} {amount.currency}",
            order=row["order_ref"],
            status=row["status"],
            return_url=row["return_url"],
        )

    async def act(self, payment_id: str, request: Request) -> Response:
        """The customer pressed a button; then back to the shop, when it told where that is."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        outcome = form.get("outcome", [""])[0]
        if outcome not in ("succeed", "fail"):
            detail = "The outcome is succeed or fail."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail)
        done = self._payments.confirm(payment_id, succeed=outcome == "succeed", occurred_at=None)
        back = done.payment["return_url"] or str(request.url)
        return RedirectResponse(back, HTTPStatus.SEE_OTHER)

    async def track(self, tracking_number: str) -> Response:
        """Where a parcel is."""
        scans = self._parcels.scans(tracking_number)
        row = self._parcels.parcel(tracking_number)
        return _page(
            "track",
            title="Sandbox Carrier",
            number=tracking_number,
            status=row["status"],
            estimated_at=row["estimated_at"],
            scans=scans,
        )

    async def label(self, label_id: str) -> Response:
        """The label as it is printed."""
        row = self._parcels.label(label_id)
        return _page(
            "label",
            title="Sandbox Carrier",
            number=row["tracking_number"],
            service=row["service"],
            weight_g=row["weight_g"],
            lines=_address(row),
        )


def _address(row: sqlite3.Row) -> Sequence[str]:
    to = json.loads(row["destination"])
    city = f"{to['postal_code']} {to['city']}".strip()
    lines = [
        to["name"],
        to["company"],
        to["line1"],
        to["line2"],
        city,
        to["region"],
        to["country"],
    ]
    return [line for line in lines if line]


def _page(name: str, **facts: object) -> Response:
    return HTMLResponse(_PAGES.get_template(name).render(**facts), headers=_HEADERS)
