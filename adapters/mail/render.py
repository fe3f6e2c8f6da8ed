"""Writes a milestone's mail: the same words as HTML and as plain text.

A milestone is one Jinja template that says what there is to say. It extends a layout and draws
its pieces with a kit of macros, and both exist twice: compiled from MJML, and as plain text. The
words are English in the templates and translated by `locales/*/LC_MESSAGES/mail.po`.
"""

import re
from datetime import datetime
from typing import Any

from babel import Locale
from jinja2 import Template

from adapters.mail import formats
from adapters.mail.facts import (
    MailFacts,
    MailLine,
    MailPayment,
    MailReturn,
    MailShipment,
    MailSubstitute,
    MailTotals,
    Milestone,
    RenderedMail,
)
from adapters.mail.templating import LANGUAGES, environment
from domain.money import Money

# What went wrong with a payment, by the codes of providers, as the advice that helps.
_ADVICE = {
    "declined": "declined",
    "card_declined": "declined",
    "do_not_honor": "declined",
    "generic_decline": "declined",
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "action_required": "confirm",
    "authentication_required": "confirm",
    "authorization_expired": "released",
}


def render(milestone: str, locale: str, facts: MailFacts) -> RenderedMail:
    """The mail of `milestone` for a customer of `locale` (BCP 47).

    `tr*` is written in Turkish, everything else in English; dates and amounts follow the region.
    Raises ValueError for an unknown milestone, and for facts that lack what it is about.
    """
    name = Milestone(milestone)
    _demand(name, facts)
    chosen = formats.pick_locale(locale, LANGUAGES)
    values = _View(facts, chosen).values()
    text = environment(chosen.language, html=False).get_template(f"{name.value}.jinja")
    html = environment(chosen.language, html=True).get_template(f"{name.value}.jinja")
    return RenderedMail(
        subject=_subject(text, values),
        text=_tidy(text.render(values)),
        html=html.render(values),
        language=chosen.language,
    )


def _demand(milestone: Milestone, facts: MailFacts) -> None:
    """Refuse to write a mail without its point."""
    point: dict[Milestone, object] = {
        Milestone.PAYMENT_PROBLEM: facts.payment,
        Milestone.PAYMENT_REMINDER: facts.payment,
        Milestone.OUT_OF_STOCK: facts.lines,
        Milestone.SHIPPED: facts.shipments,
        Milestone.REFUNDED: facts.refunded,
        Milestone.EXPECTED_DATE_MOVED: facts.lines,
        Milestone.SUBSTITUTE_OFFERED: facts.substitute,
        Milestone.DELIVERY_ATTEMPTED: facts.shipments,
        Milestone.DELIVERY_DELAYED: facts.shipments,
        Milestone.PARCEL_REPLACED: facts.lines,
        Milestone.ORDER_CHANGED: facts.new_total is not None,
        Milestone.RETURN_APPROVED: facts.goods_back,
        Milestone.RETURN_DECLINED: facts.goods_back,
        Milestone.RETURN_REMINDER: facts.goods_back,
        Milestone.RETURN_RECEIVED: facts.goods_back,
        Milestone.RETURN_SENT_BACK: facts.goods_back and facts.shipments,
        Milestone.EXCHANGE_SHORT: facts.payment,
    }
    if not point.get(milestone, True):
        msg = f"the facts lack what {milestone.value} is about"
        raise ValueError(msg)


def _subject(template: Template, values: dict[str, Any]) -> str:
    block = template.blocks["subject"]
    return formats.one_line("".join(block(template.new_context(values))))


def _tidy(text: str) -> str:
    """Plain text without the white space that templates leave behind."""
    lines = (line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _View:
    """The facts as a template prints them: clean strings, formatted for the customer's region."""

    def __init__(self, facts: MailFacts, locale: Locale) -> None:
        self._facts = facts
        self._locale = locale

    def values(self) -> dict[str, Any]:
        facts = self._facts
        return {
            "shop_name": formats.one_line(facts.shop_name),
            "order_number": formats.one_line(facts.order_number),
            "customer_name": formats.one_line(facts.customer_name),
            "contact": formats.one_line(facts.contact),
            "tracking_page_url": formats.link(facts.tracking_page_url),
            "lines": [self._line(line) for line in facts.lines],
            "partial": facts.partial,
            "totals": self._totals(facts.totals) if facts.totals else None,
            "shipments": [self._shipment(shipment) for shipment in facts.shipments],
            "parcels": len(facts.shipments),
            "payment": self._payment(facts.payment) if facts.payment else None,
            "waiting": facts.waiting,
            "taken_out": [self._line(line) for line in facts.taken_out],
            "substitute": self._substitute(facts.substitute) if facts.substitute else None,
            "expected_on": self._day(facts.expected_at),
            "return_until": self._day(facts.return_until),
            "reason": facts.reason,
            "refunded": self._money(facts.refunded),
            "fee": self._money(facts.fee),
            "goods_back": self._goods_back(facts.goods_back) if facts.goods_back else None,
            "store_credit": facts.store_credit,
            "tenders": [(one.kind, self._money(one.amount)) for one in facts.tenders],
            "new_total": formats.money(facts.new_total, self._locale)
            if facts.new_total is not None
            else "",
        }

    def _money(self, amount: Money | None) -> str:
        """Nothing for no money: such rows are left out."""
        return formats.money(amount, self._locale) if amount else ""

    def _day(self, at: datetime | None) -> str:
        return formats.day(at, self._facts.time_zone, self._locale) if at else ""

    def _line(self, line: MailLine) -> dict[str, str]:
        return {
            "name": formats.one_line(line.name),
            "quantity": formats.quantity(line.quantity, self._locale),
            "total": formats.money(line.total, self._locale) if line.total is not None else "",
        }

    def _substitute(self, offered: MailSubstitute) -> dict[str, Any]:
        return {
            "ordered": formats.one_line(offered.ordered),
            "line": self._line(MailLine(offered.name, offered.quantity)),
            "note": formats.one_line(offered.note),
            "answer_by": formats.moment(offered.answer_by, self._facts.time_zone, self._locale),
        }

    def _goods_back(self, goods: MailReturn) -> dict[str, str | bool]:
        return {
            "number": formats.one_line(goods.number),
            "label_url": formats.link(goods.label_url),
            "send_by": self._day(goods.send_by),
            "exchanged": goods.exchanged,
        }

    def _shipment(self, shipment: MailShipment) -> dict[str, str]:
        return {
            "carrier": formats.one_line(shipment.carrier),
            "tracking_number": formats.one_line(shipment.tracking_number),
            "tracking_url": formats.link(shipment.tracking_url),
            "estimated_on": self._day(shipment.estimated_at),
        }

    def _totals(self, totals: MailTotals) -> dict[str, str]:
        discount = totals.discount
        return {
            "goods": self._money(totals.items),
            "discount": self._money(discount and Money(-discount.amount, discount.currency)),
            "shipping": self._money(totals.shipping),
            "surcharge": self._money(totals.surcharge),
            "tax_added": "" if totals.tax_included else self._money(totals.tax),
            "total": formats.money(totals.total, self._locale),
            "tax_included": self._money(totals.tax) if totals.tax_included else "",
        }

    def _payment(self, payment: MailPayment) -> dict[str, str]:
        zone = self._facts.time_zone
        pay_by = payment.pay_by
        return {
            "amount": formats.money(payment.amount, self._locale),
            "pay_by": formats.moment(pay_by, zone, self._locale) if pay_by else "",
            "pay_url": formats.link(payment.pay_url),
            "advice": _ADVICE.get(payment.reason, ""),
        }
