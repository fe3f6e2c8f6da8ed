"""Letters to suppliers: the words, the list, and the files that go with them."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from adapters.mail.message import Letterhead, compose
from adapters.mail.supplier import LetterKind, SupplierLetter, render_letter
from domain.errors import MailRejected
from domain.money import Money
from domain.ports import Attachment, Email
from domain.purchase_csv import CsvLine

LINES = (
    CsvLine(1, "AC-1", "SHIRT", "Shirt <M>", 1_200, Money(410, "EUR"), "2026-03-10"),
    CsvLine(2, "", "SOCKS", "Socks", 5, Money(99, "EUR"), "2026-03-12"),
)
LETTER = SupplierLetter(
    LetterKind.ORDER,
    "P-1001",
    "Kervan",
    "Acme",
    "Main, Bağdat Cad. 1, 34720 İstanbul, TR",
    "buyer@kervan.example",
    LINES,
)
KINDS = list(LetterKind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("locale", ["en", "tr-TR"])
def test_a_letter_says_the_same_in_both_parts(kind: LetterKind, locale: str) -> None:
    mail = render_letter(replace(LETTER, kind=kind), locale)
    assert mail.language == locale[:2]
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", mail.html))
    plain = plain.replace("&lt;", "<").replace("&gt;", ">")
    for word in ("P-1001", "Acme", "AC-1", "Shirt <M>", "buyer@kervan.example"):
        assert word in mail.text
        assert word in plain
    assert "P-1001" in mail.subject
    assert "{" not in mail.text + mail.subject


def test_turkish_and_english_share_no_sentence() -> None:
    for kind in KINDS:
        english, turkish = (
            set(render_letter(replace(LETTER, kind=kind), locale).text.splitlines())
            for locale in ("en", "tr")
        )
        shared = {line for line in english & turkish if line}
        assert all("Kervan" in line or re.search(r"^[^a-z]+$", line) for line in shared), shared


def test_an_order_sums_up_what_it_costs_and_where_it_goes() -> None:
    mail = render_letter(LETTER, "en")
    assert "Total: €4,924.95" in mail.text
    assert "Units: 1,200" in mail.text
    assert "Deliver to: Main, Bağdat Cad. 1, 34720 İstanbul, TR" in mail.text
    assert "Expected: March 10, 2026" in mail.text


def test_a_cancellation_asks_for_nothing() -> None:
    mail = render_letter(replace(LETTER, kind=LetterKind.CANCELLATION), "en")
    assert "Deliver to" not in mail.text
    assert "Total" not in mail.text


def test_a_letter_that_was_sent_before_says_so() -> None:
    for kind, word in ((LetterKind.ORDER, "sent again"), (LetterKind.REMINDER, "Another")):
        first, again = (
            render_letter(replace(LETTER, kind=kind, repeated=repeated), "en").subject
            for repeated in (False, True)
        )
        assert word in again
        assert word not in first


def test_names_are_text_and_never_markup() -> None:
    evil = replace(LETTER, supplier_name='<script>"', shop_name="A\r\nBcc: x@y.example")
    mail = render_letter(evil, "en")
    assert "<script>" not in mail.html
    assert "\n" not in mail.subject


def test_without_a_buyer_the_mail_itself_is_answered() -> None:
    assert "Answer this e-mail." in render_letter(replace(LETTER, buyer=""), "en").text


EMAIL = Email("<P-1@k.example>", "o@acme.example", "Order", "Hello\n", "<p>Hello</p>", "en")
FILES = (
    Attachment("P-1 ü.csv", "text/csv", "sku\r\nŞAL\r\n".encode()),
    Attachment("a.bin", "application/octet-stream", bytes(range(256))),
)


@pytest.mark.parametrize("readable", [True, False])
def test_files_arrive_byte_by_byte_beside_the_words(readable: bool) -> None:  # noqa: FBT001
    letterhead = Letterhead.read("Kervan <orders@k.example>")
    email = replace(EMAIL, attachments=FILES, reply_to="buyer@k.example")
    raw = compose(email, letterhead, readable=readable)
    message = message_from_bytes(raw, policy=policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert message["Reply-To"] == "buyer@k.example"
    assert message.get_content_type() == "multipart/mixed"
    for kind, words in (("plain", "Hello"), ("html", "<p>Hello</p>")):
        body = message.get_body((kind,))
        assert body is not None
        assert body.get_content().strip() == words
    found = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append(Attachment(part.get_filename() or "", part.get_content_type(), content))
    assert tuple(found) == FILES


def test_without_files_a_mail_is_what_it_was() -> None:
    letterhead = Letterhead.read("Kervan <orders@k.example>")
    raw = compose(EMAIL, letterhead, readable=True)
    assert b"multipart/mixed" not in raw
    assert b"Reply-To" not in raw


def test_an_impossible_address_to_answer_to_is_refused() -> None:
    letterhead = Letterhead.read("Kervan <orders@k.example>")
    with pytest.raises(MailRejected):
        compose(replace(EMAIL, reply_to="nobody"), letterhead, readable=True)
