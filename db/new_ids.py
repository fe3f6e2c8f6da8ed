"""The one maker of ids: a ULID (48 bits of time, 80 of chance) behind the prefix of its kind."""

import os
import time
from datetime import datetime

# Crockford's base 32, in lower case: https://github.com/ulid/spec
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits at a time: a dozen look-ups for an id instead of twenty-six.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)


def new_id(prefix: str, at: datetime | None = None) -> str:
    """A new id such as `ord_01jd8w3n0c9v5b1r6t2m4q7xza`; `at` is the time it sorts by, else now.

    Prefixes: ord lin ful shp pay ret hld fbk key. Sorting ids as text sorts them by time, to the
    millisecond.
    """
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    return f"{prefix}_{''.join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])}"
