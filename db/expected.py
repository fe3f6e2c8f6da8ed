"""When units that wait can be there: the queue for each item laid over what suppliers bring.

Days move with purchase orders and with the queue, so they are worked out when they are asked for;
what is kept is only what the customer was told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from db import purchasing
from db.pool import Connection
from db.sql import queries
from domain.arrivals import Arrival, expected_date

_SQL = queries("expected")


@dataclass(frozen=True, slots=True)
class Moved:
    """Lines of an order whose day has moved so far that the customer is told.

    `expected_on` is the last of the lines' days; None when one of them is not known any more.
    """

    order_id: str
    expected_on: date | None
    days: Mapping[str, date | None]


async def days(conn: Connection, order_ids: Sequence[str]) -> dict[str, date | None]:
    """The day of each line that waits, among the lines of these orders."""
    places = [dict(row) for row in await conn.fetch(_SQL["places_in_queue"], list(order_ids))]
    if not places:
        return {}
    arrivals = await purchasing.expected_arrivals(conn, {p["sku"] for p in places})
    return {p["line_id"]: _day(p, arrivals) for p in places}


def _day(place: Mapping[str, Any], arrivals: Mapping[str, Sequence[Arrival]]) -> date | None:
    known = arrivals.get(place["sku"], ())
    return expected_date(known, ahead=0, units=place["until"], today=place["today"])


def last(found: Iterable[date | None]) -> date | None:
    """The day by which all are there; None when that of one is not known."""
    known = list(found)
    return max(day for day in known if day) if known and all(known) else None


async def remember(conn: Connection, told: Mapping[str, date | None]) -> None:
    """The customer hears of these days for the first time; an older word is left as it is."""
    await conn.execute(_SQL["told_first"], list(told), list(told.values()))


async def moved(conn: Connection, shift: timedelta) -> list[Moved]:
    """Orders to be told that their day has moved by more than `shift`, each once per new day.

    One caller at a time looks (the others find nothing). Who waits and has not heard of any day is
    noted with the present one: the mail that told him of waiting named it.
    """
    if not await conn.fetchval(_SQL["one_at_a_time"]):
        return []
    queue = [dict(row) for row in await conn.fetch(_SQL["whole_queue"])]
    if not queue:
        return []
    arrivals = await purchasing.expected_arrivals(conn, {place["sku"] for place in queue})
    first: dict[str, date | None] = {}
    found: dict[str, dict[str, date | None]] = {}
    for place in queue:
        day = _day(place, arrivals)
        if not place["told"]:
            first[place["line_id"]] = day
        elif _far(place["told_on"], day, shift):
            found.setdefault(place["order_id"], {})[place["line_id"]] = day
    await remember(conn, first)
    again = {line_id: day for lines in found.values() for line_id, day in lines.items()}
    if again:
        await conn.execute(_SQL["tell_dates"], list(again), list(again.values()))
    return [Moved(order_id, last(lines.values()), lines) for order_id, lines in found.items()]


def _far(told: date | None, day: date | None, shift: timedelta) -> bool:
    """Whether the customer wants to know: a day where none was, none where one was, or far off."""
    if told is None or day is None:
        return told is not day
    return abs(day - told) > shift
