"""Letters to suppliers: an order, a reminder, a cancellation; in Turkish or English.

They are business letters of a fixed shape, so their words stand here; the mails to customers have
their own templates.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from babel import Locale
from babel.dates import format_date

from adapters.mail import formats
from adapters.mail.facts import RenderedMail
from domain.money import Money
from domain.purchase_csv import CsvLine

LANGUAGES = frozenset({"en", "tr"})


class LetterKind(StrEnum):
    """What is written to a supplier."""

    ORDER = "order"
    REMINDER = "reminder"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class SupplierLetter:
    """What a letter says. `buyer` may be empty; `repeated` tells that it is not the first."""

    kind: LetterKind
    number: str
    shop_name: str
    supplier_name: str
    deliver_to: str
    buyer: str
    lines: Sequence[CsvLine]
    repeated: bool = False


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "order.subject": "Purchase order {number} from {shop}",
        "order.subject.repeated": "Purchase order {number} from {shop} (sent again)",
        "order.lead": "Please deliver the goods of our purchase order {number} as listed below. "
        "The same list is attached as a CSV file.",
        "reminder.subject": "Reminder: purchase order {number} of {shop} is late",
        "reminder.subject.repeated": "Another reminder: purchase order {number} of {shop} is late",
        "reminder.lead": "These goods of our purchase order {number} have not come. Please tell us "
        "on which day you will deliver them, or that they will not come.",
        "cancellation.subject": "Purchase order {number} of {shop} is canceled",
        "cancellation.lead": "We cancel our purchase order {number}. Please do not deliver these "
        "goods.",
        "greeting": "Hello {supplier},",
        "deliver_to": "Deliver to",
        "number": "Please put the number {number} on the delivery note.",
        "answer": "Questions? Answer this e-mail, or write to {buyer}.",
        "answer.none": "Questions? Answer this e-mail.",
        "head": "Your number|Our number|Item|Units|Unit price|Expected",
        "total": "Total",
    },
    "tr": {
        "order.subject": "{shop} satın alma siparişi {number}",
        "order.subject.repeated": "{shop} satın alma siparişi {number} (yeniden gönderildi)",
        "order.lead": "{number} numaralı satın alma siparişimizdeki ürünleri aşağıdaki gibi teslim "
        "etmenizi rica ederiz. Aynı liste CSV dosyası olarak ektedir.",
        "reminder.subject": "Hatırlatma: {shop} siparişi {number} gecikti",
        "reminder.subject.repeated": "Yeniden hatırlatma: {shop} siparişi {number} gecikti",
        "reminder.lead": "{number} numaralı satın alma siparişimizdeki bu ürünler gelmedi. Hangi "
        "gün teslim edeceğinizi ya da gelmeyeceklerini bildirmenizi rica ederiz.",
        "cancellation.subject": "{shop} siparişi {number} iptal edildi",
        "cancellation.lead": "{number} numaralı satın alma siparişimizi iptal ediyoruz. Bu "
        "ürünleri göndermemenizi rica ederiz.",
        "greeting": "Merhaba {supplier},",
        "deliver_to": "Teslimat adresi",
        "number": "İrsaliyeye {number} numarasını yazmanızı rica ederiz.",
        "answer": "Sorularınız için bu e-postayı yanıtlayın ya da {buyer} adresine yazın.",
        "answer.none": "Sorularınız için bu e-postayı yanıtlayın.",
        "head": "Sizin numaranız|Bizim numaramız|Ürün|Adet|Birim fiyat|Beklenen gün",
        "total": "Toplam",
    },
}


def render_letter(letter: SupplierLetter, locale: str) -> RenderedMail:
    """The letter for a supplier of `locale` (BCP 47): Turkish for `tr*`, else English."""
    chosen = formats.pick_locale(locale, LANGUAGES)
    words = _WORDS[chosen.language]
    facts = {
        "number": formats.one_line(letter.number),
        "shop": formats.one_line(letter.shop_name),
        "supplier": formats.one_line(letter.supplier_name),
        "buyer": formats.one_line(letter.buyer),
    }

    def say(key: str) -> str:
        return words[key].format_map(facts)

    subject = f"{letter.kind}.subject"
    repeated = f"{subject}.repeated" if letter.repeated else ""
    wanted = letter.kind is not LetterKind.CANCELLATION
    before = [say("greeting"), say(f"{letter.kind}.lead")]
    after = [
        *([f"{say('deliver_to')}: {formats.one_line(letter.deliver_to)}"] if wanted else []),
        *([say("number")] if wanted else []),
        say("answer" if letter.buyer else "answer.none"),
        facts["shop"],
    ]
    rows = [_row(line, chosen) for line in letter.lines]
    total = _total(letter.lines, chosen) if letter.kind is LetterKind.ORDER else ""
    head = words["head"].split("|")
    return RenderedMail(
        subject=say(repeated if repeated in words else subject),
        text=_text(before, head, rows, f"{words['total']}: {total}" if total else "", after),
        html=_html(chosen.language, before, head, rows, (words["total"], total), after),
        language=chosen.language,
    )


def _row(line: CsvLine, locale: Locale) -> list[str]:
    return [
        formats.one_line(line.supplier_sku) or "-",
        formats.one_line(line.sku),
        formats.one_line(line.name),
        formats.quantity(line.quantity, locale),
        formats.money(line.unit_cost, locale),
        format_date(date.fromisoformat(line.expected_on), format="long", locale=locale),
    ]


def _total(lines: Sequence[CsvLine], locale: Locale) -> str:
    if not lines:
        return ""
    amount = sum(line.quantity * line.unit_cost.amount for line in lines)
    return formats.money(Money(amount, lines[0].unit_cost.currency), locale)


def _text(
    before: Sequence[str],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    total: str,
    after: Sequence[str],
) -> str:
    table = [
        "\n".join(f"{label}: {cell}" for label, cell in zip(head, row, strict=True)) for row in rows
    ]
    parts = [*map(formats.wrap, before), *table, total, *map(formats.wrap, after)]
    return "\n\n".join(part for part in parts if part) + "\n"


_CELL = 'style="padding:4px 12px 4px 0;text-align:left;vertical-align:top"'


def _html(
    language: str,
    before: Sequence[str],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    total: tuple[str, str],
    after: Sequence[str],
) -> str:
    def paragraphs(lines: Sequence[str]) -> str:
        return "".join(f"<p>{html.escape(line)}</p>\n" for line in lines)

    def cells(tag: str, row: Sequence[str]) -> str:
        inner = "".join(f"<{tag} {_CELL}>{html.escape(cell)}</{tag}>" for cell in row)
        return f"<tr>{inner}</tr>\n"

    label, amount = total
    sum_up = f"<p>{html.escape(label)}: <strong>{html.escape(amount)}</strong></p>\n"
    return (
        f'<!doctype html>\n<html lang="{language}"><meta charset="utf-8">\n'
        '<body style="font:16px/1.5 sans-serif;color:#27272a">\n'
        f"{paragraphs(before)}<table>\n{cells('th', head)}"
        f"{''.join(cells('td', row) for row in rows)}</table>\n"
        f"{sum_up if amount else ''}{paragraphs(after)}</body></html>\n"
    )
