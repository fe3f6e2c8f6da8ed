"""Mail over SMTP."""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from adapters.mail.message import Letterhead, compose, mailbox_of
from domain.errors import MailRejected, MailUnavailable
from domain.ports import Email

# A server that asks for (other) credentials refuses us, not the message: someone will mend the
# settings, and then the mail must still go out. RFC 4954, section 6.
_OUR_FAULT = frozenset({530, 534, 535, 538})
_PERMANENT = 500
_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and how.

    `security` is `starttls` (demanded, never dropped), `tls` from the first byte, or `none`.
    `tls_context` replaces the system's authorities.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"
    tls_context: ssl.SSLContext | None = None


class SmtpMailer:
    """Hands mails to an SMTP server and keeps a few connections open between them.

    `timeout` bounds each answer of the server. At most `connections` are open at once.

    The mail carries the caller's Message-ID, so when an answer is lost after the server took the
    mail, the next attempt is recognizably the same mail; SMTP itself knows nothing stronger.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        timeout: timedelta = timedelta(seconds=10),
        connections: int = 4,
    ) -> None:
        self._server = server
        self._letterhead = Letterhead.read(sender)
        self._timeout = timeout.total_seconds()
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[SMTP, float]] = []

    async def send(self, email: Email) -> None:
        """Hand the mail over; raises `MailUnavailable` (try again) or `MailRejected` (final).

        The errors hold the server's codes, never its words: those often repeat the address.
        """
        recipient = mailbox_of(email.to)
        message = compose(email, self._letterhead, readable=False)
        options = [] if recipient.isascii() else ["SMTPUTF8"]
        async with self._slots:
            connection = await self._connection()
            between_mails = False
            try:
                await connection.sendmail(
                    self._letterhead.address, [recipient], message, mail_options=options
                )
                between_mails = True
            except (SMTPResponseException, SMTPRecipientsRefused) as error:
                between_mails = True  # answered to the end, and the envelope was reset
                raise _verdict(error) from None
            except (SMTPException, OSError) as error:
                raise _verdict(error) from None
            finally:
                self._put_back(connection, reusable=between_mails)

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        while self._idle:
            connection, _ = self._idle.pop()
            try:
                await connection.quit()
            except (SMTPException, OSError):
                connection.close()

    async def _connection(self) -> SMTP:
        """One that was left open and still answers, or a new one."""
        while self._idle:
            connection, since = self._idle.pop()
            if monotonic() - since < _IDLE_SECONDS and await _answers(connection):
                return connection
            connection.close()
        return await self._connect()

    async def _connect(self) -> SMTP:
        server = self._server
        connection = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            timeout=self._timeout,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=server.tls_context,
        )
        try:
            await connection.connect()
        except (SMTPException, OSError) as error:
            # Whatever it is, the message was not judged: it keeps its chance.
            raise MailUnavailable(_code(error)) from None
        return connection

    def _put_back(self, connection: SMTP, *, reusable: bool) -> None:
        if reusable and connection.is_connected:
            self._idle.append((connection, monotonic()))
        else:
            connection.close()


async def _answers(connection: SMTP) -> bool:
    try:
        await connection.noop()
    except (SMTPException, OSError):
        return False
    return True


def _verdict(error: SMTPException | OSError) -> MailRejected | MailUnavailable:
    """Final when the server refused this mail for good, else worth another attempt."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, SMTPNotSupported):
        return MailRejected(_code(error))
    if not isinstance(error, SMTPResponseException) or error.code in _OUR_FAULT:
        return MailUnavailable(_code(error))
    return MailRejected(_code(error)) if error.code >= _PERMANENT else MailUnavailable(_code(error))


def _code(error: SMTPException | OSError) -> str:
    """`smtp_550_5.1.1`, or the kind of error when the server gave no code."""
    if not isinstance(error, SMTPResponseException):
        return type(error).__name__
    enhanced = _ENHANCED_CODE.match(error.message)
    return f"smtp_{error.code}" + (f"_{enhanced[0]}" if enhanced else "")
