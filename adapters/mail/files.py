"""Mail as files, for machines without a mail server."""

import asyncio
import html
import os
import tempfile
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from adapters.mail.message import domain_of, to_message
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
        self._sender = sender

    async def send(self, email: Email) -> None:
        """Write the mail; raises `MailRejected` (no such address) or `MailUnavailable` (disk)."""
        message = to_message(email, self._sender, text_encoding="8bit")
        try:
            await asyncio.to_thread(self._write, email, message)
        except OSError as error:
            raise MailUnavailable(type(error).__name__) from None

    async def close(self) -> None:
        """Nothing is held open."""

    def _write(self, email: Email, message: EmailMessage) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        name = self._name(email.message_id)
        target = self._directory / f"{name}.eml"
        if target.exists():
            return
        # The message comes last: when it is there, everything is.
        self._put(target.with_name(f"{name}.html"), email.html.encode())
        self._list(name, email)
        self._put(target, message.as_bytes(policy=SMTPUTF8))

    def _name(self, message_id: str) -> str:
        local, _, domain = message_id.strip("<>").rpartition("@")
        plain = local if domain == domain_of(self._sender) else f"{local}@{domain}"
        name = quote(plain, safe="@%")
        if len(name) > _LONGEST_NAME:
            name = f"{name[:_LONGEST_NAME]}~{sha256(name.encode()).hexdigest()[:12]}"
        return name

    def _put(self, path: Path, content: bytes) -> None:
        """All of it or nothing, also when the process dies in the middle."""
        descriptor, temporary = tempfile.mkstemp(dir=self._directory, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _list(self, name: str, email: Email) -> None:
        index = self._directory / INDEX
        if not index.exists():
            self._put(index, _INDEX_HEAD.encode())
        page = quote(name, safe="")
        row = (
            f'<li><a href="{page}.html">{html.escape(email.subject)}</a><br>'
            f"<small>{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC · {html.escape(email.to)} · "
            f'<a href="{page}.eml">{html.escape(name)}.eml</a></small>\n'
        )
        with index.open("a", encoding="utf-8") as file:
            file.write(row)
