"""`python -m adapters.mail DIRECTORY`: all mails in all languages, with sample facts, as files."""

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from adapters.mail import (
    FileMailer,
    MailFacts,
    MailLine,
    MailPayment,
    MailReturn,
    MailShipment,
    MailSubstitute,
    MailTender,
    MailTotals,
    Milestone,
    message_id,
    render,
)
from adapters.mail.templating import LANGUAGES
from domain.money import Money
from domain.ports import Email

_SENDER = "Kervan <orders@kervan.example>"
SAMPLE = MailFacts(
    shop_name="Kervan",
    order_number="K-100042",
    customer_name="Ayşe Yılmaz",
    tracking_page_url="https://shop.example/track/sample",
    contact="help@shop.example",
    time_zone="Europe/Istanbul",
    lines=(
        MailLine("T-shirt M", 2, Money(59800, "TRY")),
        MailLine("Çaydanlık", 1, Money(129990, "TRY")),
    ),
    totals=MailTotals(
        items=Money(189790, "TRY"),
        shipping=Money(4990, "TRY"),
        total=Money(184780, "TRY"),
        discount=Money(10000, "TRY"),
        tax=Money(30797, "TRY"),
    ),
    shipments=(
        MailShipment(
            carrier="Sandbox",
            tracking_number="SBX0042TR",
            tracking_url="https://carrier.example/SBX0042TR",
            estimated_at=datetime(2026, 11, 25, tzinfo=UTC),
        ),
    ),
    payment=MailPayment(
        amount=Money(184780, "TRY"),
        pay_by=datetime(2026, 11, 25, 15, 30, tzinfo=UTC),
        reason="insufficient_funds",
    ),
    expected_at=datetime(2026, 12, 1, tzinfo=UTC),
    return_until=datetime(2026, 12, 9, tzinfo=UTC),
    reason="customer",
    substitute=MailSubstitute(
        ordered="T-shirt M",
        name="T-shirt M (uzun kollu)",
        quantity=2,
        answer_by=datetime(2026, 11, 27, 9, 0, tzinfo=UTC),
        note="Aynı kumaş, uzun kollu.",
    ),
    refunded=Money(59800, "TRY"),
    tenders=(
        MailTender("card", Money(49800, "TRY")),
        MailTender("store_credit", Money(10000, "TRY")),
    ),
    new_total=Money(184780, "TRY"),
    goods_back=MailReturn(
        "R-10042", "https://carrier.example/labels/42", datetime(2026, 12, 9, tzinfo=UTC)
    ),
)


async def write_samples(directory: Path) -> None:
    """Write one mail per milestone and language into `directory`."""
    mailer = FileMailer(directory, sender=_SENDER)
    for milestone in Milestone:
        for language in sorted(LANGUAGES):
            mail = render(milestone, language, SAMPLE)
            await mailer.send(
                Email(
                    message_id=message_id(SAMPLE.order_number, milestone, language, _SENDER),
                    to="ayse@example.com",
                    subject=mail.subject,
                    text=mail.text,
                    html=mail.html,
                    language=mail.language,
                )
            )


def main() -> None:
    """Read the directory from the command line."""
    parser = argparse.ArgumentParser(prog="python -m adapters.mail", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    asyncio.run(write_samples(directory))
    parser.exit(message=f"open {directory / 'index.html'}\n")


if __name__ == "__main__":
    main()
