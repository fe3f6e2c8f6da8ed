"""Mail as files, for machines without a mail server."""

import asyncio
import html
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from urllib.parse import quote

from adapters.mail.message import Letterhead, compose
from domain.errors import MailUnavailable
from domain.ports import Email

INDEX = "index.html"
_LONGEST_NAME = 120
# Rows are only ever appended, HTML needs no end tags, and CSS turns the newest to the top: a
# thousand mails cost a thousand appends, not a thousand rewrites.
_INDEX_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mail</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
ol { display: flex; flex-direction: column-reverse; list-style: none; padding: 0; }
li { border-bottom: 1px solid #e4e4e7; padding: .5rem 0; }
small { color: #52525b; }
</style>
<h1>Mail</h1>
<p>What the shop would have sent, newest first.</p>
<ol>
"""


class FileMailer:
    """Writes each mail into `directory`, as a message (`.eml`) and as a page (`.html`).

    The name comes from the Message-ID (`K-100042.shipped.shp_1.eml`): mails of one order stand
    together, and a mail that is sent again is the file that is there already. `index.html` lists
    them, newest first.
    """

    def __init__(self, directory: Path, *, sender: str) -> None:
        self._directory = directory
        self._letterhead = Letterhead.read(sender)

    async def send(self, email: Email) -> None:
        """Write the mail; raises `MailRejected` (no such address) or `MailUnavailable` (disk)."""
        message = compose(email, self._letterhead, readable=True)
        try:
            await asyncio.to_thread(self._write, email, message)
        except OSError as error:
            raise MailUnavailable(type(error).__name__) from None

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, email: Email, message: bytes) -> None:
        name = self._name(email.message_id)
        target = self._directory / f"{name}.eml"
        if target.exists():
            return
        try:
            self._write_new(name, email, message)
        except FileNotFoundError:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._write_new(name, email, message)

    def _write_new(self, name: str, email: Email, message: bytes) -> None:
        """The message comes last and at once: when it is there, everything is."""
        (self._directory / f"{name}.html").write_bytes(email.html.encode())
        self._list(name, email)
        draft = self._directory / f".{name}.{os.getpid()}.{get_ident()}"
        draft.write_bytes(message)
        draft.replace(self._directory / f"{name}.eml")

    def _name(self, message_id: str) -> str:
        local, _, domain = message_id.strip("<>").rpartition("@")
        plain = local if domain == self._letterhead.domain else f"{local}@{domain}"
        name = quote(plain, safe="@%")
        if len(name) > _LONGEST_NAME:
            name = f"{name[:_LONGEST_NAME]}~{sha256(name.encode()).hexdigest()[:12]}"
        return name

    def _list(self, name: str, email: Email) -> None:
        page = quote(name, safe="")
        row = (
            f'<li><a href="{page}.html">{html.escape(email.subject)}</a><br>'
            f"<small>{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC · {html.escape(email.to)} · "
            f'<a href="{page}.eml">{html.escape(name)}.eml</a></small>\n'
        )
        with (self._directory / INDEX).open("a", encoding="utf-8") as index:
            index.write(row if index.tell() else _INDEX_HEAD + row)
