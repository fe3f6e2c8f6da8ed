"""E-mail to customers: written by `render`, delivered by a `Mailer`."""

from datetime import timedelta
from pathlib import Path

from adapters.mail.facts import (
    MailFacts,
    MailLine,
    MailPayment,
    MailReturn,
    MailShipment,
    MailSubstitute,
    MailTender,
    MailTotals,
    Milestone,
    RenderedMail,
)
from adapters.mail.files import FileMailer
from adapters.mail.message import message_id
from adapters.mail.render import render
from adapters.mail.smtp import SmtpMailer, SmtpServer

__all__ = [
    "FileMailer",
    "MailFacts",
    "MailLine",
    "MailPayment",
    "MailReturn",
    "MailShipment",
    "MailSubstitute",
    "MailTender",
    "MailTotals",
    "Milestone",
    "RenderedMail",
    "SmtpMailer",
    "SmtpServer",
    "build",
    "message_id",
    "render",
]


def build(  # noqa: PLR0913 - one argument for each setting
    *,
    host: str,
    port: int,
    user: str,
    password: str,
    security: str,
    sender: str,
    directory: Path,
    timeout: timedelta = timedelta(seconds=10),
) -> SmtpMailer | FileMailer:
    """The mailer that the settings ask for: SMTP when `host` is given, else files in `directory`.

    `await mailer.close()` when the process ends.
    """
    if not host:
        return FileMailer(directory, sender=sender)
    server = SmtpServer(host, port, user, password, security)
    return SmtpMailer(server, sender=sender, timeout=timeout)
