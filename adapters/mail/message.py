"""From `Email` to RFC 5322: identity, headers, and who may not be written to."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import quote

from domain.errors import MailRejected
from domain.ports import Email

# RFC 5321 without quoted local parts and address literals: a shop's customers have neither.
_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]]+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def message_id(order_number: str, milestone: str, reference: str, sender: str) -> str:
    """The id of one mail, the same at every attempt: `<K-100042.shipped.shp_1@kervan.example>`.

    `reference` tells apart two mails of one milestone (the shipment, the refund); it may be
    empty. `sender` is the shop's From address, whose domain makes the id unique in the world.
    """
    parts = (quote(part, safe="") for part in (order_number, milestone, reference) if part)
    return f"<{'.'.join(parts)}@{domain_of(sender)}>"


def domain_of(sender: str) -> str:
    """The domain of `Shop <orders@shop.example>`, in its ASCII form."""
    return _mailbox(parseaddr(sender)[1]).domain


def to_message(email: Email, sender: str, *, text_encoding: str) -> EmailMessage:
    """`email` as a message from `sender`, with HTML as the richer alternative of the text.

    `text_encoding` is the transfer encoding of the text part. The standard library refuses a
    line break in any header with ValueError; an address that cannot be one is `MailRejected`.
    """
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    shop = _mailbox(address)
    message["From"] = Address(name, shop.username, shop.domain)
    message["To"] = _mailbox(email.to)
    message["Subject"] = email.subject
    message["Date"] = formatdate()
    message["Message-ID"] = email.message_id
    # RFC 3834: an answering machine does not answer this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(email.text, cte=text_encoding)
    message.add_alternative(email.html, subtype="html", cte="quoted-printable")
    # Last, because a content header goes down into the first part when a second one comes.
    message["Content-Language"] = email.language
    return message


def _mailbox(address: str) -> Address:
    """`address` split and its domain in ASCII. Errors never show the address: it is personal."""
    local, _, domain = address.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if not (_LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain)):
        reason = "invalid_address"
        raise MailRejected(reason)
    return Address(username=local, domain=ascii_domain)
