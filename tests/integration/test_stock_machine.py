"""Whatever happens to stock, in whatever order and side by side, what must be true stays true.

Hypothesis makes up the lives of small shops; a life that breaks something is made as short as it
can be, and printed with the line that makes it happen again (`@reproduce_failure`). Who wins a
race inside of a batch is up to the machine: a life of batches of one is the same each time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.pool import Pool
from domain.errors import Refused
from tests.integration.stock_world import SKUS, World


@dataclass(frozen=True)
class Deed:
    """Something that somebody does; `late` lets others go first."""

    what: str
    args: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    late: int = 0

    async def do(self, world: World) -> None:
        """Do it; what is refused is refused."""
        for _ in range(self.late):
            await asyncio.sleep(0)
        act: Callable[..., Awaitable[None]] = getattr(world, self.what)
        try:
            await act(*self.args, **dict(self.options))
        except Refused:
            return


_some = st.integers(0, 30)
_few = st.integers(1, 4)
_sku = st.sampled_from(SKUS)
_late = st.integers(0, 5)


def _deed(what: str, *args: st.SearchStrategy[Any], **options: st.SearchStrategy[Any]) -> Any:
    pairs = st.tuples(*(st.tuples(st.just(name), value) for name, value in options.items()))
    return st.builds(Deed, st.just(what), st.tuples(*args), pairs, _late)


_place = _deed(
    "place",
    st.lists(st.tuples(_sku, _few), min_size=1, max_size=3),
    st.sampled_from(("backorder", "backorder", "backorder", "cancel", "cancel_lines")),
    st.sampled_from(("complete", "in_parts")),
    st.integers(-1, 2),
    checkout=st.none() | _some,
)
_anything = st.one_of(
    _place,
    _place,
    _place,
    _deed("cancel", _some),
    _deed("cancel_units", _some, _few),
    _deed("pick", _some, st.integers(0, 4), short=st.booleans()),
    _deed("pick", _some, st.integers(0, 4), short=st.booleans()),
    _deed("pack", _some, _few),
    _deed("pack", _some, _few),
    _deed("ship", _some),
    _deed("ship", _some),
    _deed(
        "correct",
        st.sampled_from(("receipt", "return", "count", "transfer")),
        _sku,
        _some,
        st.integers(0, 6),
    ),
    _deed("correct", st.sampled_from(("adjust", "damage", "safety")), _sku, _some, _few),
    _deed("correct", st.just("adjust"), _sku, _some, st.integers(-4, -1)),
    _deed("correct", st.just("safety"), _sku, _some, st.integers(-4, -1)),
    _deed("keep", _sku, _few),
    _deed("let_go", _some, expire=st.booleans()),
)
_batch = st.lists(_anything, min_size=1, max_size=8)
_life = st.lists(_batch, min_size=2, max_size=8)


@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(units=st.integers(0, 5), life=_life)
async def test_stock_is_right_whatever_happens(pool: Pool, units: int, life: list[Any]) -> None:
    world = World(pool)
    await world.open(units)
    before = await world.deadlocks()
    for batch in life:
        await asyncio.gather(*(deed.do(world) for deed in batch))
        await world.settle()
        assert await world.wrongs() == []
    assert await world.deadlocks() == before
