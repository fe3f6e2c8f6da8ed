"""A message is what was said, whatever letters it is made of: read back by the standard library."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mail.formats import one_line
from adapters.mail.message import Letterhead, compose, mailbox_of, message_id
from domain.errors import MailRejected
from domain.ports import Email

SENDER = "Çarşı Mağazası <orders@kervan.example>"
EMAIL = Email("<K-1.confirmed@kervan.example>", "ayse@example.com", "Hello", "Hello\n", "<p>", "en")
# Reading back is slow, and slower on a busy machine.
few = settings(deadline=None, max_examples=40)
LINES = st.text(max_size=200).map(one_line)
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
# Line breaks of a body are written as one kind; the others are letters among letters there.
_BREAKS = {"\r\n": "\n", "\r": "\n"}


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def plain_breaks(text: str) -> str:
    for found, written in _BREAKS.items():
        text = text.replace(found, written)
    return text.replace("\n", "\r\n")


# Longer names take two encoded words, between which Python 3.11 reads a blank that is not there.
@few
@given(subject=LINES, shop=LINES.map(lambda name: one_line(name[:10])), text=BODIES, page=BODIES)
def test_what_is_sent_by_smtp_is_ascii_and_says_the_same(
    subject: str, shop: str, text: str, page: str
) -> None:
    letterhead = Letterhead(shop, "orders@kervan.example", "kervan.example")
    raw = compose(replace(EMAIL, subject=subject, text=text, html=page), letterhead, readable=False)
    raw.decode("ascii")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = read(raw)
    assert not message.defects
    assert message["Subject"] == subject
    sender = message["From"]
    assert isinstance(sender, AddressHeader)
    assert sender.addresses[0].addr_spec == "orders@kervan.example"
    assert sender.addresses[0].display_name == shop
    assert body_of(message, "plain") == plain_breaks(text)
    assert body_of(message, "html") == plain_breaks(page)


@few
@given(subject=LINES, text=BODIES.filter(lambda text: "\r" not in text and "\x00" not in text))
def test_what_is_written_to_a_file_says_the_same(subject: str, text: str) -> None:
    letterhead = Letterhead.read(SENDER)
    message = read(compose(replace(EMAIL, subject=subject, text=text), letterhead, readable=True))
    assert message["Subject"] == subject
    assert message["From"] == SENDER
    assert body_of(message, "plain") == plain_breaks(text)


@pytest.mark.parametrize("readable", [True, False])
def test_what_looks_like_an_encoded_word_is_not_read_as_one(readable: bool) -> None:  # noqa: FBT001
    tricky = "=?utf-8?q?Bcc=3A?= 1"
    letterhead = Letterhead("=?x?=", "orders@kervan.example", "kervan.example")
    message = read(compose(replace(EMAIL, subject=tricky), letterhead, readable=readable))
    assert message["Subject"] == tricky
    assert message["From"].addresses[0].display_name == "=?x?="


@few
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_an_id_is_one_word_and_tells_its_parts_apart(order: str, milestone: str, what: str) -> None:
    try:
        made = message_id(order, milestone, what, SENDER)
    except UnicodeEncodeError:
        return
    assert made.isascii()
    assert len(made.split()) == 1
    assert made.count("@") == made.count("<") == made.count(">") == 1


@few
@given(st.text(max_size=60))
def test_an_address_is_taken_or_refused_and_never_breaks_out(address: str) -> None:
    try:
        mailbox = mailbox_of(address)
    except MailRejected:
        return
    assert len(mailbox.split()) == 1
    assert mailbox.count("@") == 1
    assert not set(mailbox) & set("<>,;\r\n\x00")


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("ayse@example.com", "ayse@example.com"),
        (" ayse@example.com ", "ayse@example.com"),
        ("ayse+shop@sub.example.com", "ayse+shop@sub.example.com"),
        ("ayse@Çarşı.example", "ayse@xn--ar-3ia21a0h.example"),
        ("a..b@example.com", '"a..b"@example.com'),
        ("ayşe@example.com", "ayşe@example.com"),
    ],
)
def test_addresses_of_real_people_are_taken(address: str, mailbox: str) -> None:
    assert mailbox_of(address) == mailbox


def test_a_sender_without_address_is_refused_at_once() -> None:
    with pytest.raises(MailRejected):
        Letterhead.read("Kervan")
