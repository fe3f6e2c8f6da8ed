"""Amounts, dates and names as people of a locale write them."""

import copy
import re
import textwrap
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from domain.money import Money, exponent

_TEXT_WIDTH = 76
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION_MARKS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def pick_locale(tag: str, languages: frozenset[str]) -> Locale:
    """The locale to write in for a BCP 47 `tag`: its own when we speak it, else English.

    The customer's region is kept for dates and numbers wherever CLDR knows the pair: `tr-CY`
    stays as it is, `de-DE` becomes English as written in Germany, nonsense becomes English.
    """
    parts = tag.replace("_", "-").split("-")
    language = parts[0].lower() if parts[0].lower() in languages else "en"
    region = next((part.upper() for part in parts[1:] if len(part) == 2), None)  # noqa: PLR2004 ISO 3166-1
    try:
        return Locale(language, region)
    except (UnknownLocaleError, ValueError):
        return Locale(language)


def money(amount: Money, locale: Locale) -> str:
    """`Money(129990, "TRY")` as `₺1.299,90` in Turkish and `TRY 1,299.90` in English.

    ISO 4217 says how many digits follow the point: Babel's own table has none for the dinar.
    """
    digits = exponent(amount.currency)
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    text = pattern.apply(
        Decimal(amount.decimal()), locale, currency=amount.currency, currency_digits=False
    )
    # CLDR separates a symbol of letters from the number, Babel does not.
    return _LETTER_BEFORE_DIGIT.sub("\u00a0", str(text))


def quantity(number: int, locale: Locale) -> str:
    """A count with the locale's grouping."""
    return format_decimal(number, locale=locale)


def day(at: datetime, zone: str, locale: Locale) -> str:
    """The date alone: `25 Kasım 2026`."""
    return format_date(at.astimezone(ZoneInfo(zone)), format="long", locale=locale)


def moment(at: datetime, zone: str, locale: Locale) -> str:
    """Date, time and offset, for deadlines: `25 Kasım 2026 18:30 (UTC+3)`."""
    local = at.astimezone(ZoneInfo(zone))
    pattern = str(locale.datetime_formats["long"]).replace("'", "")
    date_part = format_date(local, format="long", locale=locale)
    time_part = format_time(local, format="short", locale=locale, tzinfo=local.tzinfo)
    written = pattern.replace("{0}", time_part).replace("{1}", date_part)
    return f"{written} ({_offset(local.utcoffset() or timedelta())})"


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else "-"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def one_line(text: str) -> str:
    """`text` on one line, without control characters and marks that turn the writing around.

    Names come from outside: nothing in them may start a new header, a new line of the plain
    text, or make an address read backward.
    """
    if text.isprintable():
        return " ".join(text.split())
    kept = text.translate(_DIRECTION_MARKS)
    return " ".join(
        "".join(" " if unicodedata.category(char) in _UNSAFE else char for char in kept).split()
    )


def link(url: str) -> str:
    """`url` when it is a plain http(s) address, else nothing."""
    url = url.strip()
    fits = url.startswith(("https://", "http://")) and not re.search(r"[\s\x00-\x1f\x7f]", url)
    return url if fits else ""


def wrap(text: str) -> str:
    """Plain text at a width that every mail reader shows; addresses are never broken."""
    return textwrap.fill(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
