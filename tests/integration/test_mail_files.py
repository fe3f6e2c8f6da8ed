"""Mail as files: one mail is one file, whole or not at all."""

import asyncio
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from adapters.mail import FileMailer, Milestone, SmtpMailer, build, message_id
from adapters.mail.__main__ import write_samples
from adapters.mail.templating import LANGUAGES
from domain.errors import MailRejected, MailUnavailable
from domain.ports import Attachment, Email, Mailer

SENDER = "Çarşı Mağazası <orders@kervan.example>"
EMAIL = Email(
    message_id=message_id("K-100042", "shipped", "shp_1", SENDER),
    to="ayse@example.com",
    subject="K-100042 numaralı siparişiniz <yola> çıktı",
    text="Merhaba Ayşe,\n\nTutar: ₺1.299,90\n",
    html="<p>Merhaba Ayşe, İğne ₺1.299,90</p>",
    language="tr",
)


def mails(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.eml"))


def hidden(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_mail_is_a_file_named_after_order_and_milestone(tmp_path: Path) -> None:
    mailer: Mailer = FileMailer(tmp_path / "new" / "mail", sender=SENDER)
    await mailer.send(EMAIL)

    directory = tmp_path / "new" / "mail"
    assert mails(directory) == ["K-100042.shipped.shp_1.eml"]
    assert (directory / "K-100042.shipped.shp_1.html").read_text("utf-8") == EMAIL.html
    message = read(directory / "K-100042.shipped.shp_1.eml")
    assert message["Message-ID"] == EMAIL.message_id
    assert message["Subject"] == EMAIL.subject
    assert message["To"] == EMAIL.to
    assert message["Content-Language"] == "tr"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == EMAIL.text
    assert html.get_content().rstrip() == EMAIL.html


async def test_a_mail_can_be_read_with_any_pager(tmp_path: Path) -> None:
    await FileMailer(tmp_path, sender=SENDER).send(EMAIL)
    raw = (tmp_path / "K-100042.shipped.shp_1.eml").read_text("utf-8")
    assert "Subject: K-100042 numaralı siparişiniz <yola> çıktı" in raw
    assert "Tutar: ₺1.299,90" in raw


async def test_files_that_go_with_a_mail_are_in_its_message(tmp_path: Path) -> None:
    table = Attachment("P-1.csv", "text/csv", "adet\r\n12 ığüş\r\n".encode())
    await FileMailer(tmp_path, sender=SENDER).send(replace(EMAIL, attachments=(table,)))
    [name] = mails(tmp_path)
    [part] = read(tmp_path / name).iter_attachments()
    assert part.get_filename() == "P-1.csv"
    assert part.get_payload(decode=True) == table.content


async def test_the_same_mail_again_is_the_same_file(tmp_path: Path) -> None:
    await FileMailer(tmp_path, sender=SENDER).send(EMAIL)
    path = tmp_path / "K-100042.shipped.shp_1.eml"
    before = (path.read_bytes(), path.stat().st_mtime_ns, (tmp_path / "index.html").read_text())
    # Another process, another attempt.
    await FileMailer(tmp_path, sender=SENDER).send(replace(EMAIL, text="another text"))
    after = (path.read_bytes(), path.stat().st_mtime_ns, (tmp_path / "index.html").read_text())
    assert after == before
    assert mails(tmp_path) == [path.name]


async def test_two_attempts_at_once_are_one_file(tmp_path: Path) -> None:
    await asyncio.gather(*(FileMailer(tmp_path, sender=SENDER).send(EMAIL) for _ in range(20)))
    assert mails(tmp_path) == ["K-100042.shipped.shp_1.eml"]
    assert read(tmp_path / "K-100042.shipped.shp_1.eml")["Message-ID"] == EMAIL.message_id
    assert hidden(tmp_path) == []


async def test_mails_of_one_order_stand_together(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, sender=SENDER)
    for order in ("K-2", "K-1"):
        for milestone in ("shipped", "confirmed"):
            one = message_id(order, milestone, "", SENDER)
            await mailer.send(replace(EMAIL, message_id=one))
    assert mails(tmp_path) == [
        "K-1.confirmed.eml",
        "K-1.shipped.eml",
        "K-2.confirmed.eml",
        "K-2.shipped.eml",
    ]


async def test_many_at_once_are_all_written_and_listed(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, sender=SENDER)
    ids = [message_id(f"K-{number}", "confirmed", "", SENDER) for number in range(60)]
    await mailer.send(EMAIL)
    await asyncio.gather(*(mailer.send(replace(EMAIL, message_id=one)) for one in ids))
    assert len(mails(tmp_path)) == 61
    listed = re.findall(r'href="([^"]+)\.eml"', (tmp_path / "index.html").read_text("utf-8"))
    assert len(listed) == len(set(listed)) == 61
    assert hidden(tmp_path) == []


async def test_the_index_shows_what_was_sent_and_runs_nothing(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, sender=SENDER)
    await mailer.send(EMAIL)
    index = (tmp_path / "index.html").read_text("utf-8")
    assert '<a href="K-100042.shipped.shp_1.html">' in index
    assert "siparişiniz &lt;yola&gt; çıktı" in index
    assert "ayse@example.com" in index


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("<../../etc/passwd@kervan.example>", "..%2F..%2Fetc%2Fpasswd"),
        ("<a@other.example>", "a@other.example"),
        ("<ş@kervan.example>", "%C5%9F"),
    ],
)
async def test_a_name_stays_in_the_directory(tmp_path: Path, identity: str, name: str) -> None:
    directory = tmp_path / "mail"
    await FileMailer(directory, sender=SENDER).send(replace(EMAIL, message_id=identity))
    assert mails(directory) == [f"{name}.eml"]
    assert names(tmp_path) == ["mail"]


async def test_long_names_stay_apart(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path, sender=SENDER)
    for ending in ("1", "2"):
        await mailer.send(replace(EMAIL, message_id=f"<{'x' * 300}{ending}@kervan.example>"))
    assert len(mails(tmp_path)) == 2


async def test_a_directory_that_is_none_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    mailer = FileMailer(tmp_path / "mail", sender=SENDER)
    with pytest.raises(MailUnavailable):
        await mailer.send(EMAIL)
    (tmp_path / "mail").unlink()
    await mailer.send(EMAIL)
    assert mails(tmp_path / "mail") == ["K-100042.shipped.shp_1.eml"]


@pytest.mark.parametrize("address", ["", "nobody", "a@b\nBcc: c@d.example"])
async def test_what_is_no_address_is_no_file(tmp_path: Path, address: str) -> None:
    with pytest.raises(MailRejected, match=r"^invalid_address$"):
        await FileMailer(tmp_path, sender=SENDER).send(replace(EMAIL, to=address))
    assert names(tmp_path) == []


async def test_an_international_address_is_written_as_it_is(tmp_path: Path) -> None:
    await FileMailer(tmp_path, sender=SENDER).send(replace(EMAIL, to="ayşe@example.com"))
    message = read(tmp_path / "K-100042.shipped.shp_1.eml")
    assert message["To"] == "ayşe@example.com"


async def test_the_preview_writes_every_mail_in_every_language(tmp_path: Path) -> None:
    await write_samples(tmp_path)
    assert mails(tmp_path) == sorted(
        f"K-100042.{milestone}.{language}.eml" for milestone in Milestone for language in LANGUAGES
    )


@pytest.mark.parametrize(("host", "kind"), [("", FileMailer), ("smtp.example", SmtpMailer)])
async def test_a_host_makes_the_difference(tmp_path: Path, host: str, kind: type) -> None:
    mailer = build(
        host=host,
        port=587,
        user="",
        password="",
        security="starttls",
        sender=SENDER,
        directory=tmp_path,
    )
    assert isinstance(mailer, kind)
    await mailer.close()
