"""Health, readiness and figures, also while the database or Temporal is away."""

import asyncio

from pydantic import SecretStr
from temporalio.client import Client

from db.pool import Pool
from tests.api.conftest import Open
from tests.api.orders import order, until


async def test_the_api_starts_without_a_database_and_says_what_is_missing(open_api: Open) -> None:
    nowhere = SecretStr("postgresql://nobody:secret@127.0.0.1:1/none")
    async with open_api(database_url=nowhere) as api:
        assert (await api.get("/healthz")).json() == {"status": "ok"}
        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["database"] == "unavailable"
        assert "refused" in ready.json()["database_detail"].lower() or ready.json()[
            "database_detail"
        ].startswith(("OSError", "ConnectionRefusedError"))
        assert "secret" not in ready.text
        placed = await api.post("/v1/orders", json=order())
        assert (placed.status_code, placed.json()["code"]) == (503, "database_unavailable")
        assert int(placed.headers["retry-after"]) > 0
        assert (await api.get("/metrics")).status_code == 200


async def test_the_api_is_ready_without_the_workflow_engine(open_api: Open) -> None:
    async with open_api() as api:
        ready = await api.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["workflow_engine"] == "unavailable"


async def test_the_workflow_engine_is_seen(
    open_api: Open, temporal: Client, temporal_address: str
) -> None:
    assert temporal is not None
    async with open_api(temporal_address=temporal_address) as api:
        assert (await api.get("/readyz")).json()["workflow_engine"] == "ok"


async def test_figures_tell_requests_and_what_waits(open_api: Open) -> None:
    async with open_api() as api:
        await api.post("/v1/orders", json=order())
        await api.get("/v1/orders/ord_secretid")
        await api.request("BREW", "/v1/pots")
        figures = (await api.get("/metrics")).text
        assert (
            'kervan_api_requests_total{method="POST",route="/v1/orders",status="201"} 1.0'
            in figures
        )
        assert 'route="/v1/orders/{order_id}",status="404"' in figures
        assert "secretid" not in figures
        assert "pots" not in figures
        assert "kervan_outbox_rows 1.0" in figures
        assert "kervan_attention_orders 0.0" in figures


async def test_connections_that_are_cut_are_replaced_and_nothing_is_a_fault(
    open_api: Open, pool: Pool
) -> None:
    async with open_api() as api:
        for _ in range(3):
            placing = [asyncio.create_task(api.post("/v1/orders", json=order())) for _ in range(12)]
            await asyncio.wait(placing, return_when=asyncio.FIRST_COMPLETED)
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'kervan-api'"
            )
            statuses = {answer.status_code for answer in await asyncio.gather(*placing)}
            assert statuses <= {201, 503}

        async def placed() -> bool:
            # PostgreSQL ends a connection a moment after it was told to.
            return (await api.post("/v1/orders", json=order())).status_code == 201

        await until(placed)
