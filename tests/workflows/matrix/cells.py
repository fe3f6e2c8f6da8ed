"""One action at one moment, on an order of its own."""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx2

from tests.workflows.life import Life
from tests.workflows.matrix.actions import (
    ACTIONS,
    NOT_THEIRS,
    NOTHING,
    STRANGERS,
    Action,
    names,
    of_others,
)
from tests.workflows.matrix.moments import Moment
from tests.workflows.shop import Shop
from workflows.messages import Policy

PRICE, SHIPPING = 60_000, 5_000
_LONG, _SHORT = 3_600.0, 0.2
_PATIENCE = 6
# Said of each mail, and by the clock.
_NOISE = frozenset({"notification_sent"})


class Row(NamedTuple):
    """What came of a request: its answer, and all that everybody can see afterwards."""

    answer: str
    order: str
    payment: str
    goods: str
    returned: str
    bank: str
    stock: str
    mails: str
    timeline: str


@dataclass
class Cell:
    """One action on an order of its own, with an item of its own, at a moment."""

    moment: Moment
    action: Action
    life: Life
    sku: str
    # (activity, which run of it) at which the worker dies.
    dies_at: tuple[str, int] | None = None
    answer: str = ""
    _last_event: int = 0
    _told: frozenset[str] = frozenset()
    _ids: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is."""
        return self.moment.name, self.action.who, self.action.name

    @property
    def _pool(self) -> Any:
        return self.life.shop.pool

    async def begin(self) -> None:
        """Remember how it was before."""
        order_id = self.life.order_id
        query = "SELECT coalesce(max(id), 0) FROM events WHERE order_id = $1"
        self._last_event = await self._pool.fetchval(query, order_id)
        rows = await self._pool.fetch("SELECT id FROM notifications WHERE order_id = $1", order_id)
        self._told = frozenset(row["id"] for row in rows)
        self._ids = await names(self.life)

    async def act(self, api: httpx2.AsyncClient, keys: Mapping[str, str]) -> None:
        """Ask for it, and let the world go on."""
        if not self.action.path:
            return
        order = await self.life.order()

        async def ask(
            who: str, path: str, body: Mapping[str, Any] | None, method: str = "POST"
        ) -> httpx2.Response:
            key = f"{order.id}-{self.action.name}-{path}".replace(" ", "-")
            headers = {"Idempotency-Key": key}
            if who in keys:
                headers["authorization"] = f"Bearer {keys[who]}"
            return await _asked(api, method, path.format_map(self._ids), body, headers)

        body = self.action.body(order) if self.action.body else None
        got = await ask(self.action.who, self.action.path, body, self.action.method)
        self.answer = _told(got)
        if self.action.after and got.status_code < 400:
            await self.action.after(self.life, ask)

    async def try_all(self, api: httpx2.AsyncClient, keys: Mapping[str, str]) -> None:
        """Ask with a key of its scope for everything that is not for it."""
        who, order, answers = self.action.who, await self.life.order(), set()
        for action in of_others(who):
            if not self.moment.offers(action.needs):
                continue
            body = action.body(order) if action.body else None
            headers = {"authorization": f"Bearer {keys[who]}"}
            path = action.path.format_map(self._ids)
            answers.add(_told(await _asked(api, action.method, path, body, headers)))
        self.answer = " ".join(sorted(answers))

    async def row(self) -> Row:
        """All that came of it."""
        return Row(
            self.answer,
            *await self.life.axes(),
            await self._bank(),
            await self._stock(),
            await self._mails(),
            await self._timeline(),
        )

    async def _bank(self) -> str:
        payments = sorted(await self.life.at_provider())
        return ", ".join(f"{status} {taken} {back}" for status, taken, back in payments)

    async def _stock(self) -> str:
        row = await self._pool.fetchrow(
            "SELECT on_hand, allocated, quarantined FROM stock_levels WHERE sku = $1", self.sku
        )
        return f"{row['on_hand']} {row['allocated']} {row['quarantined']}"

    async def _mails(self) -> str:
        rows = await self._pool.fetch(
            "SELECT id, milestone FROM notifications WHERE order_id = $1", self.life.order_id
        )
        return _counted(row["milestone"] for row in rows if row["id"] not in self._told)

    async def _timeline(self) -> str:
        rows = await self._pool.fetch(
            "SELECT type FROM events WHERE order_id = $1 AND id > $2",
            self.life.order_id,
            self._last_event,
        )
        return _counted(row["type"] for row in rows if row["type"] not in _NOISE)


async def _asked(
    api: httpx2.AsyncClient,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> httpx2.Response:
    """The answer; the same is asked again while the engine cannot give one."""
    for _ in range(_PATIENCE):
        answer = await api.request(method, path, json=body, headers=headers)
        if answer.status_code != 503:
            break
    return answer


def _told(answer: httpx2.Response) -> str:
    if answer.status_code >= 400 and answer.headers["content-type"].startswith("application"):
        return f"{answer.status_code} `{answer.json()['code']}`"
    return str(answer.status_code)


def _counted(words: Iterable[str]) -> str:
    found = sorted(Counter(words).items())
    return " ".join(name if times == 1 else f"{name}×{times}" for name, times in found)


def actions_at(moment: Moment) -> list[Action]:
    """What is asked at that moment; first nothing, so that it is seen what nothing comes to."""
    strangers = [Action(who, NOT_THEIRS, "-") for who in STRANGERS]
    asked = [action for action in ACTIONS if moment.offers(action.needs)]
    return [NOTHING, *asked, *strangers]


async def cell(shop: Shop, moment: Moment, action: Action) -> Cell:
    """An order for it, which has not begun to move."""
    sku = f"M-{secrets.token_hex(6)}"
    await shop.stock(sku, moment.stock)
    window = _SHORT if moment.closes else _LONG
    shop.policy = Policy(return_window=window, step_retry_interval=0.5, step_attempts=4)
    life = await shop.place(
        [(sku, 2, PRICE)], token=moment.token, shipping=SHIPPING, ship="in_parts"
    )
    return Cell(moment, action, life, sku)
