"""A person's words, apart from codes: words stay in PostgreSQL, codes may go anywhere."""

import re

_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def coded(reason: str, note: str | None = None) -> tuple[str, str | None]:
    """The reason as a code (`other` for words), and the note with what is none in it."""
    if _CODE.fullmatch(reason):
        return reason, note
    return "other", "\n\n".join(part for part in (reason, note) if part)
