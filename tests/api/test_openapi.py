"""The document is complete, and the API does what it says when a tool makes up the requests."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from api.app import create_app
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.server import served


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Every call of the document."""
    return [
        (method, path, operation)
        for path, methods in create_app().openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_call_of_this_issue_is_in_the_document() -> None:
    known = {f"{method.upper()} {path}" for method, path, _ in operations()}
    work = "/v1/fulfillment-orders/{fulfillment_order_id}"
    assert known >= {
        "POST /v1/orders",
        "GET /v1/orders",
        "GET /v1/orders/{order_id}",
        "GET /v1/orders/{order_id}/events",
        "GET /v1/orders/{order_id}/events/stream",
        "POST /v1/orders/{order_id}/payments",
        "POST /v1/orders/{order_id}/feedback",
        "POST /v1/orders/{order_id}/cancel",
        "POST /v1/orders/{order_id}/holds",
        "DELETE /v1/orders/{order_id}/holds/{hold_id}",
        "POST /v1/orders/{order_id}/retry",
        "POST /v1/orders/{order_id}/notes",
        "POST /v1/shipping/quotes",
        "GET /v1/fulfillment-orders",
        f"POST {work}/start",
        f"POST {work}/pick",
        f"POST {work}/pack",
        f"POST {work}/ship",
        "PUT /v1/items/{sku}",
        "PUT /v1/warehouses/{code}",
        "POST /v1/stock/receipts",
        "POST /v1/stock/adjustments",
        "POST /v1/stock/counts",
        "POST /v1/stock/transfers",
        "POST /v1/stock/transfers/{transfer_id}/receive",
        "PUT /v1/warehouses/{code}/bins/{bin}",
        "POST /v1/stock/putaways",
        "POST /v1/stock/moves",
        "POST /v1/stock/quarantine",
        "POST /v1/stock/expire",
        "GET /v1/stock/places",
        "POST /v1/pick-lists",
        "POST /v1/pick-lists/{pick_list_id}/pick",
        "POST /v1/cycle-counts",
        "POST /v1/cycle-counts/{count_id}/approve",
        "GET /v1/serials",
        "GET /v1/stock",
        "GET /v1/stock/movements",
        "GET /v1/stock/availability",
        "POST /v1/stock/availability",
        "GET /v1/stock/changes",
        "POST /v1/stock/reconciliations",
        "GET /v1/stock/reconciliations",
        "GET /v1/stock/reconciliations/{report_id}",
        "POST /v1/webhooks/payments/{provider}",
        "POST /v1/webhooks/carriers/{provider}",
        "GET /v1/api-keys",
        "POST /v1/orders/{order_id}/leave-queue",
        "POST /v1/orders/{order_id}/substitutions/{substitution_id}/accept",
        "POST /v1/orders/{order_id}/substitutions/{substitution_id}/refuse",
        "PUT /v1/items/{sku}/substitutes",
        "GET /v1/items/{sku}/substitutes",
        "POST /v1/warehouses/{code}/close",
        "POST /v1/warehouses/{code}/reopen",
        "GET /v1/warehouses/{code}/closings",
        "POST /v1/orders/{order_id}/parcels/{shipment_id}/resolve",
        "POST /v1/shipments/{shipment_id}/receive-back",
        "GET /v1/delivery-policies",
        "PUT /v1/delivery-policies",
        "GET /v1/cancel-policies",
        "PUT /v1/cancel-policies",
        "GET /v1/claims",
        "POST /v1/claims/{claim_id}/settle",
    }


@pytest.mark.parametrize(("method", "path", "operation"), operations())
def test_a_call_tells_its_answers_errors_and_example(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert operation["security"] == ([{"key": []}] if _guarded(path) else [])
    answers = operation["responses"]
    assert any(code.startswith("2") for code in answers)
    assert {"422", "503"} <= set(answers)
    if _guarded(path):
        assert {"401", "403", "429"} <= set(answers)
    for code, answer in answers.items():
        if code >= "400":
            assert list(answer["content"]) == ["application/problem+json"], (method, path, code)
    if "requestBody" in operation:
        assert "example" in operation["requestBody"]["content"]["application/json"]
        assert {"413", "415"} <= set(answers)


def _guarded(path: str) -> bool:
    return path.startswith("/v1/") and not path.startswith("/v1/webhooks/")


async def test_the_document_and_its_page_are_served(open_api: Open) -> None:
    async with open_api() as api:
        document = (await api.get("/openapi.json")).json()
        assert document["info"]["title"] == "Kervan"
        assert (await api.get("/docs")).status_code == 200


@pytest.mark.timeout(600)
async def test_made_up_requests_never_find_a_fault(
    database_url: str, temporal: Client, temporal_address: str, task_queue: str, tmp_path: Path
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        served(
            KERVAN_DATABASE_URL=database_url,
            KERVAN_TEMPORAL_ADDRESS=temporal_address,
            KERVAN_TASK_QUEUE=task_queue,
        ) as server,
    ):
        # The first to ask for the document waits until it is made; the tool has little patience.
        assert (await server.client.get("/openapi.json", timeout=100)).status_code == 200
        tool = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("schemathesis")), "run"),
            *(f"{server.url}/openapi.json", "--header", "Authorization: Bearer dev"),
            *("--max-examples", "2", "--phases", "examples,fuzzing", "--no-color"),
            # A schema cannot say which country exists or whether tenders sum to the total.
            *("--exclude-checks", "positive_data_acceptance", "--request-timeout", "30"),
            *("--seed", "1"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await tool.communicate()
        assert tool.returncode == 0, said.decode()[-8_000:]
