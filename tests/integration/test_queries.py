"""Every statement of db/queries is one that the migrated database understands."""

import re
from pathlib import Path

from db.pool import Connection, Pool
from db.sql import queries

DIRECTORY = Path(__file__).parents[2] / "db" / "queries"
FILES = sorted(file.stem for file in DIRECTORY.glob("*.sql"))
STATEMENTS = [(file, name) for file in FILES for name in sorted(queries(file))]


async def test_every_statement_can_be_prepared(pool: Pool) -> None:
    async with pool.acquire() as conn:
        for file, name in STATEMENTS:
            statement = queries(file)[name]
            prepared = await conn.prepare(statement, name=f"check_{file}_{name}")
            wanted = {int(number) for number in re.findall(r"\$(\d+)", statement)}
            # Parameters are numbered without a gap, or a caller's would land in the wrong place.
            assert wanted == set(range(1, len(prepared.get_parameters()) + 1)), name


def test_no_name_is_given_twice_and_every_statement_has_one() -> None:
    for file in FILES:
        text = (DIRECTORY / f"{file}.sql").read_text()
        names = re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)
        assert len(names) == len(set(names)), file
        assert set(names) == set(queries(file)), file


def test_every_statement_is_used() -> None:
    root = DIRECTORY.parents[1]
    code = "".join(file.read_text() for file in sorted((root / "db").glob("*.py")))
    unused = [name for _, name in STATEMENTS if f'_SQL["{name}"]' not in code]
    assert unused == []


HOT = [
    ("pick_lists", "candidates", "work_is_claimed_once"),
    ("pick_lists", "taken_by_lists", "pick_lists_under_way"),
    ("serials", "ship_serials", "serials_by_shipment"),
    ("serials", "give_serials_back", "serials_by_order"),
    ("orders", "load_order", "orders_pkey"),
    ("stock", "wake_waiting", "reservations_waiting"),
    ("reservations", "queue_heads", "reservations_waiting"),
    ("reservations", "held_for_orders", "stock_holds_order_id_key"),
    ("holds", "claim_expired_holds", "stock_holds_running_out"),
    ("stock", "claims", "reservations_by_order"),
    ("availability", "availability", "reservations_waiting"),
    ("availability", "changed_items", "stock_movements_by_xact"),
    ("fulfillment", "find_shipment", "shipments_by_tracking"),
    ("outbox", "claim_outbox", "outbox_due"),
    ("outbox", "claim_inbox", "inbox_due"),
    ("outbox", "claim_overdue_work", "fulfillment_orders_due"),
    ("outbox", "claim_overdue_parcels", "shipments_due"),
    ("outbox", "claim_expiring_authorizations", "payments_running_out"),
    ("endings", "claim_due_endings", "parcel_endings_due"),
    ("substitutes", "claim_ended_offers", "substitution_offers_due"),
    ("substitutes", "waited_for", "reservations_waiting"),
    ("expected", "places_in_queue", "reservations_waiting"),
    ("reservations", "not_found", "stock_movements_short"),
    ("attention", "list_attention", "stock_levels_quarantined"),
    ("attention", "list_attention", "stock_movements_into_quarantine"),
    ("attention", "list_attention", "holds_in_review"),
]


async def test_hot_statements_have_an_index_to_use(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL enable_seqscan = off")
        await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for file, name, index in HOT:
            plan = await _plan(conn, queries(file)[name])
            assert index in plan, plan


async def _plan(conn: Connection, statement: str) -> str:
    """How PostgreSQL would carry the statement out, whatever its parameters are."""
    count = max(int(number) for number in re.findall(r"\$(\d+)", statement))
    nothing = ", ".join(["NULL"] * count)
    await conn.execute(f"PREPARE looked_at AS {statement}")
    rows = await conn.fetch(f"EXPLAIN EXECUTE looked_at ({nothing})")
    await conn.execute("DEALLOCATE looked_at")
    return "\n".join(row[0] for row in rows)
