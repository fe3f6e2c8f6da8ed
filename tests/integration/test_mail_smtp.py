"""The SMTP mailer against a real SMTP server on this machine, good days and bad ones."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.resources import as_file, files
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.mail import SmtpMailer, SmtpServer, message_id
from domain.errors import MailRejected, MailUnavailable
from domain.ports import Attachment, Email, Mailer

SENDER = "Çarşı Mağazası <orders@kervan.example>"
EMAIL = Email(
    message_id="<K-100042.shipped.shp_1@kervan.example>",
    to="ayse@example.com",
    subject="K-100042 numaralı siparişiniz yola çıktı: ₺1.299,90 ığüşöç İĞÜŞÖÇ",
    text="Merhaba Ayşe,\n\n.bir nokta ile başlayan satır\nTutar: ₺1.299,90\n",
    html="<p>Merhaba Ayşe, İğne ₺1.299,90</p>" + "<i></i>" * 400,
    language="tr",
)


@dataclass
class Post:
    """What the server answers, and what it took. Answers default to acceptance."""

    mail: str = "250 OK"
    rcpt: str = "250 OK"
    data: str = "250 OK"
    hang_up_after_data: bool = False
    taken: list[Envelope] = field(default_factory=list)
    connections: list[asyncio.Transport] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 the names are aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.mail

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.data.startswith("250"):
            self.taken.append(envelope)
        if self.hang_up_after_data:
            self.connections[-1].abort()
        return self.data

    def message(self, index: int = -1) -> EmailMessage:
        content = self.taken[index].original_content
        assert content is not None
        parsed = message_from_bytes(content, policy=policy.SMTP)
        assert isinstance(parsed, EmailMessage)
        return parsed


class CountingSMTP(SMTP):
    """Remembers the transports it was given."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.event_handler.connections.append(transport)
        super().connection_made(transport)


class Offices:
    """Opens SMTP servers in the test's own loop, and mailers that write to them."""

    def __init__(self) -> None:
        self._servers: list[asyncio.AbstractServer] = []
        self._mailers: list[SmtpMailer] = []

    async def open(
        self, post: Post, *, implicit_tls: ssl.SSLContext | None = None, **options: Any
    ) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: CountingSMTP(post, hostname="localhost", **options),
            "127.0.0.1",
            0,
            ssl=implicit_tls,
        )
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def mailer(self, port: int, *, patience: float = 5, at_once: int = 4, **how: Any) -> SmtpMailer:
        mailer = SmtpMailer(
            SmtpServer("127.0.0.1", port, **{"security": "none", **how}),
            sender=SENDER,
            timeout=timedelta(seconds=patience),
            connections=at_once,
        )
        self._mailers.append(mailer)
        return mailer

    async def close(self) -> None:
        for mailer in self._mailers:
            await mailer.close()
        for server in self._servers:
            server.close()


@pytest_asyncio.fixture
async def offices() -> AsyncIterator[Offices]:
    opened = Offices()
    yield opened
    await opened.close()


async def closed_port() -> int:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def server_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates = files("aiosmtpd.tests.certs")
    with as_file(certificates / "server.crt") as crt, as_file(certificates / "server.key") as key:
        context.load_cert_chain(crt, key)
    return context


def trusting_client() -> ssl.SSLContext:
    """Knows the test certificate, which is made out to no host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with as_file(files("aiosmtpd.tests.certs") / "server.crt") as certificate:
        context.load_verify_locations(certificate)
    return context


async def test_a_mail_arrives_with_every_letter(offices: Offices) -> None:
    post = Post()
    mailer: Mailer = offices.mailer(await offices.open(post))
    await mailer.send(EMAIL)

    assert [(one.mail_from, one.rcpt_tos) for one in post.taken] == [
        ("orders@kervan.example", ["ayse@example.com"])
    ]
    raw = post.taken[0].original_content
    assert raw is not None
    raw.decode("ascii")
    assert max(len(line) for line in raw.splitlines()) <= 998
    message = post.message()
    assert message["Message-ID"] == EMAIL.message_id
    assert message["Subject"] == EMAIL.subject
    assert message["From"] == SENDER
    assert message["To"] == "ayse@example.com"
    assert message["Content-Language"] == "tr"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime is not None
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == EMAIL.text
    assert html.get_content().rstrip() == EMAIL.html


async def test_files_arrive_as_they_were_given(offices: Offices) -> None:
    post = Post()
    table = Attachment("P-1.csv", "text/csv", "adet\r\n12 ığüş\r\n".encode() * 100)
    email = replace(EMAIL, attachments=(table,), reply_to="buyer@kervan.example")
    await offices.mailer(await offices.open(post)).send(email)
    message = post.message()
    assert message["Reply-To"] == "buyer@kervan.example"
    [part] = message.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("P-1.csv", "text/csv")
    assert part.get_payload(decode=True) == table.content
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == EMAIL.text


@pytest.mark.parametrize(
    ("post", "error", "code"),
    [
        (Post(rcpt="550 5.1.1 <ayse@example.com> unknown"), MailRejected, "smtp_550_5.1.1"),
        (Post(rcpt="553 no such mailbox"), MailRejected, "smtp_553"),
        (Post(rcpt="450 4.2.1 mailbox busy"), MailUnavailable, "smtp_450_4.2.1"),
        (Post(rcpt="452 4.2.2 mailbox full"), MailUnavailable, "smtp_452_4.2.2"),
        (Post(mail="550 5.7.1 sender refused"), MailRejected, "smtp_550_5.7.1"),
        (Post(mail="451 4.3.0 try later"), MailUnavailable, "smtp_451_4.3.0"),
        (Post(mail="530 5.7.0 authentication required"), MailUnavailable, "smtp_530_5.7.0"),
        (Post(data="554 5.6.0 content refused"), MailRejected, "smtp_554_5.6.0"),
        (Post(data="451 4.7.1 greylisted"), MailUnavailable, "smtp_451_4.7.1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_a_refusal_is_final_when_the_server_says_so(
    offices: Offices, post: Post, error: type[Exception], code: str
) -> None:
    mailer = offices.mailer(await offices.open(post))
    with pytest.raises(error) as caught:
        await mailer.send(EMAIL)
    # The code alone: this text ends in histories, and servers repeat addresses.
    assert str(caught.value) == code
    assert caught.value.__cause__ is None
    assert post.taken == []


async def test_after_a_refusal_the_next_mail_goes_out_on_the_same_connection(
    offices: Offices,
) -> None:
    post = Post(rcpt="550 5.1.1 unknown")
    mailer = offices.mailer(await offices.open(post))
    with pytest.raises(MailRejected):
        await mailer.send(EMAIL)
    post.rcpt = "250 OK"
    await mailer.send(EMAIL)
    assert len(post.taken) == 1
    assert len(post.connections) == 1


async def test_mails_share_a_connection_and_a_dead_one_is_replaced(offices: Offices) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post))
    await mailer.send(EMAIL)
    await mailer.send(EMAIL)
    assert len(post.connections) == 1

    transport = post.connections[0]
    transport.abort()
    await mailer.send(EMAIL)
    assert len(post.taken) == 3
    assert len(post.connections) == 2


async def test_a_burst_opens_few_connections(offices: Offices) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post), at_once=3)
    ids = [message_id(f"K-{number}", "confirmed", "", SENDER) for number in range(30)]
    await asyncio.gather(*(mailer.send(replace(EMAIL, message_id=one)) for one in ids))
    assert {post.message(index)["Message-ID"] for index in range(30)} == set(ids)
    assert len(post.connections) <= 3


async def test_a_lost_answer_is_tried_again_as_the_same_mail(offices: Offices) -> None:
    post = Post(hang_up_after_data=True)
    mailer = offices.mailer(await offices.open(post))
    with pytest.raises(MailUnavailable):
        await mailer.send(EMAIL)
    post.hang_up_after_data = False
    await mailer.send(EMAIL)
    assert [post.message(index)["Message-ID"] for index in (0, 1)] == [EMAIL.message_id] * 2


async def test_nobody_at_the_port_is_not_final(offices: Offices) -> None:
    mailer = offices.mailer(await closed_port())
    with pytest.raises(MailUnavailable):
        await mailer.send(EMAIL)


async def test_a_server_that_says_nothing_is_left(offices: Offices) -> None:
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    mailer = offices.mailer(silent.sockets[0].getsockname()[1], patience=0.3)
    with pytest.raises(MailUnavailable, match="Timeout"):
        await mailer.send(EMAIL)
    silent.close()


async def test_a_cancelled_send_leaves_no_half_mail_behind(offices: Offices) -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    class Slow(Post):
        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            arrived.set()
            await release.wait()
            return await super().handle_DATA(server, session, envelope)

    post = Slow()
    mailer = offices.mailer(await offices.open(post))
    sending = asyncio.create_task(mailer.send(EMAIL))
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    release.set()
    await mailer.send(replace(EMAIL, message_id="<second@kervan.example>"))
    assert len(post.connections) == 2
    assert post.message()["Message-ID"] == "<second@kervan.example>"


async def test_starttls_is_used(offices: Offices) -> None:
    post = Post()
    port = await offices.open(post, tls_context=server_certificate(), require_starttls=True)
    await offices.mailer(port, security="starttls", tls_context=trusting_client()).send(EMAIL)
    assert len(post.taken) == 1


async def test_starttls_is_never_dropped(offices: Offices) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post), security="starttls")
    with pytest.raises(MailUnavailable):
        await mailer.send(EMAIL)
    assert post.taken == []


async def test_tls_from_the_first_byte(offices: Offices) -> None:
    post = Post()
    port = await offices.open(post, implicit_tls=server_certificate())
    await offices.mailer(port, security="tls", tls_context=trusting_client()).send(EMAIL)
    assert len(post.taken) == 1


async def test_a_certificate_nobody_vouches_for_is_refused(offices: Offices) -> None:
    post = Post()
    port = await offices.open(post, tls_context=server_certificate())
    mailer = offices.mailer(port, security="starttls")
    with pytest.raises(MailUnavailable):
        await mailer.send(EMAIL)
    assert post.taken == []


@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_the_server_knows_us_by_password(offices: Offices, password: str) -> None:
    def check(_s: SMTP, _session: Session, _e: Envelope, _how: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (b"shop", b"right")
        return AuthResult(success=right, handled=False)

    post = Post()
    port = await offices.open(
        post, tls_context=server_certificate(), auth_required=True, authenticator=check
    )
    mailer = offices.mailer(
        port, security="starttls", tls_context=trusting_client(), user="shop", password=password
    )
    if password == "right":
        await mailer.send(EMAIL)
        assert len(post.taken) == 1
    else:
        # Not final: when the settings are mended, the mail still goes out.
        with pytest.raises(MailUnavailable, match="smtp_535"):
            await mailer.send(EMAIL)
        assert post.taken == []


async def test_an_international_domain_is_written_in_ascii(offices: Offices) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post))
    await mailer.send(replace(EMAIL, to="ayse@çarşı.example"))
    assert post.taken[0].rcpt_tos == ["ayse@xn--ar-3ia21a0h.example"]


async def test_an_international_mailbox_needs_a_server_that_can(offices: Offices) -> None:
    modern, old = Post(), Post()
    email = replace(EMAIL, to="ayşe@example.com")
    await offices.mailer(await offices.open(modern, enable_SMTPUTF8=True)).send(email)
    assert modern.taken[0].rcpt_tos == ["ayşe@example.com"]

    with pytest.raises(MailRejected, match="SMTPNotSupported"):
        await offices.mailer(await offices.open(old)).send(email)
    assert old.taken == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.com",
        "ayse@",
        "a@example.com\r\nRCPT TO:<thief@evil.example>",
        "a@example.com\nBcc: thief@evil.example",
        "a\r\nDATA@example.com",
        "a@exa mple.com",
        "a@example.com>, <thief@evil.example",
    ],
)
async def test_what_is_no_address_is_final_and_never_sent(offices: Offices, address: str) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post))
    with pytest.raises(MailRejected) as caught:
        await mailer.send(replace(EMAIL, to=address))
    assert str(caught.value) == "invalid_address"
    assert post.connections == []


@pytest.mark.parametrize(
    "email",
    [
        replace(EMAIL, subject="Hello\r\nBcc: thief@evil.example"),
        replace(EMAIL, subject="Hello\nBcc: thief@evil.example"),
        replace(EMAIL, message_id="<a@b>\r\nBcc: thief@evil.example"),
        replace(EMAIL, language="tr\nBcc: thief@evil.example"),
    ],
    ids=["subject-crlf", "subject-lf", "message-id", "language"],
)
async def test_a_header_with_a_line_break_is_never_sent(offices: Offices, email: Email) -> None:
    post = Post()
    mailer = offices.mailer(await offices.open(post))
    with pytest.raises(ValueError, match="control character"):
        await mailer.send(email)
    assert post.connections == []


def test_the_id_of_a_mail_is_made_of_what_it_tells() -> None:
    assert message_id("K-100042", "shipped", "shp_1", SENDER) == EMAIL.message_id
    assert message_id("K-1", "confirmed", "", SENDER) == "<K-1.confirmed@kervan.example>"
    assert message_id("Ş 1@x>", "confirmed", "", SENDER) == (
        "<%C5%9E%201%40x%3E.confirmed@kervan.example>"
    )
