"""The sandbox's carrier: every ending, by itself and when told."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
import pytest_asyncio

from adapters.registry import Gateways
from domain.errors import ProviderRejected
from domain.money import Money
from domain.ports import Address, CarrierGateway, CarrierNews, LabelRequest, Parcel
from domain.states import TrackingStatus as T
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver

_numbers = itertools.count()
# A day of life in 43 milliseconds.
SPEED = 2_000_000.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, shop: WebhookReceiver
) -> AsyncIterator[SandboxService]:
    directory = tmp_path_factory.mktemp("sandbox")
    async with sandbox_service(directory, shop.url, speed=SPEED) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateways(sandbox: SandboxService) -> AsyncIterator[Gateways]:
    gateways = sandbox.gateways()
    yield gateways
    await gateways.aclose()


@pytest.fixture(scope="module")
def gateway(gateways: Gateways) -> CarrierGateway:
    return gateways.carriers["sandbox"]


def asked(postal_code: str, service: str = "standard") -> LabelRequest:
    number = next(_numbers)
    return LabelRequest(
        key=f"label-{number}",
        order_id=f"ord_{number}",
        shipment_id=f"shp_{number}",
        origin=Address("Kervan", "Depo Sok. 5", "Ankara", "TR", "06000"),
        destination=Address("Ayşe Yılmaz", "Bağdat Cad. 1", "İstanbul", "TR", postal_code),
        parcel=Parcel(1200, 300, 200, 100),
        service=service,
        value=Money(64790, "TRY"),
    )


async def sent(gateway: CarrierGateway, request: LabelRequest) -> str:
    label = await gateway.buy_label(request)
    await gateway.hand_over(f"hand-over-{request.key}", label.provider_ref)
    return label.tracking_number


async def news_of(
    shop: WebhookReceiver, gateway: CarrierGateway, number: str, count: int
) -> list[CarrierNews]:
    """At least `count` scans told by webhook, in the order of their own times."""
    await shop.until(lambda: len(shop.of(number)) >= count)
    news = [n for one in shop.of(number) for n in gateway.parse_webhook(one.headers, one.body)]
    return sorted(news, key=lambda one: one.occurred_at)


@pytest.mark.parametrize(
    ("postal_code", "journey"),
    [
        ("34720", [T.IN_TRANSIT, T.OUT_FOR_DELIVERY, T.DELIVERED]),
        ("34724", [T.IN_TRANSIT, T.OUT_FOR_DELIVERY, T.DELIVERED]),
        ("", [T.IN_TRANSIT, T.OUT_FOR_DELIVERY, T.DELIVERED]),
        ("SW1A 1AA", [T.IN_TRANSIT, T.OUT_FOR_DELIVERY, T.DELIVERED]),
        ("34725", [T.IN_TRANSIT, T.DELAYED, T.OUT_FOR_DELIVERY, T.DELIVERED]),
        (
            "34726",
            [
                T.IN_TRANSIT,
                T.OUT_FOR_DELIVERY,
                T.ATTEMPTED_DELIVERY,
                T.OUT_FOR_DELIVERY,
                T.DELIVERED,
            ],
        ),
        (
            "34727",
            [
                T.IN_TRANSIT,
                T.OUT_FOR_DELIVERY,
                T.ATTEMPTED_DELIVERY,
                T.RETURN_TO_SENDER,
            ],
        ),
        ("EC1A 8BB", [T.IN_TRANSIT, T.LOST]),
    ],
)
async def test_the_last_digit_of_the_postal_code_decides_the_ending(
    shop: WebhookReceiver, gateway: CarrierGateway, postal_code: str, journey: list[T]
) -> None:
    number = await sent(gateway, asked(postal_code))
    news = await news_of(shop, gateway, number, len(journey))
    assert [one.status for one in news] == journey
    history = await gateway.track(number)
    assert [one.status for one in history] == [T.PRE_TRANSIT, *journey]
    proofs = [one.proof for one in news if one.status is T.DELIVERED]
    assert all(proof["signed_by"] == "Ayşe Yılmaz" and proof["location"] for proof in proofs)


async def test_a_delayed_parcel_breaks_its_promise_and_makes_another(
    shop: WebhookReceiver, gateway: CarrierGateway
) -> None:
    request = asked("5")
    label = await gateway.buy_label(request)
    await gateway.hand_over("hand-over", label.provider_ref)
    scans = await news_of(shop, gateway, label.tracking_number, 4)
    delayed, delivered = scans[1], scans[3]
    assert label.estimated_at is not None
    assert delayed.estimated_at is not None
    assert label.estimated_at < delayed.estimated_at
    assert label.estimated_at < delivered.occurred_at


async def test_a_silent_parcel_sends_no_news_and_moves_when_told(
    sandbox: SandboxService, shop: WebhookReceiver, gateway: CarrierGateway
) -> None:
    number = await sent(gateway, asked("34729"))
    other = await sent(gateway, asked("34720"))
    await news_of(shop, gateway, other, 3)
    assert shop.of(number) == []
    await sandbox.control(f"/parcels/{number}/advance", {"status": "delivered"})
    (news,) = await news_of(shop, gateway, number, 1)
    assert news.status is T.DELIVERED


async def test_a_parcel_of_the_manual_service_moves_only_when_told(
    sandbox: SandboxService, shop: WebhookReceiver, gateway: CarrierGateway
) -> None:
    request = asked("34720", "manual")
    number = await sent(gateway, request)
    other = await sent(gateway, asked("34720"))
    await news_of(shop, gateway, other, 3)
    assert shop.of(number) == []
    # Out of order, and one twice: a carrier forwards what it scanned.
    for status, when in (
        ("delivered", "2018-01-05T10:00:00Z"),
        ("in_transit", "2018-01-03T10:00:00+03:00"),
        ("in_transit", "2018-01-03T10:00:00+03:00"),
    ):
        scan = await sandbox.control(
            f"/parcels/{number}/advance", {"status": status, "occurred_at": when}
        )
        assert (scan["status"], scan["tracking_number"]) == (status, number)
    news = await news_of(shop, gateway, number, 3)
    assert [one.status for one in news] == [T.IN_TRANSIT, T.IN_TRANSIT, T.DELIVERED]
    assert len({one.event_id for one in news}) == 3
    assert news[-1].occurred_at == datetime(2018, 1, 5, 10, tzinfo=UTC)
    (item,) = await sandbox.ledger("parcels", request.order_id)
    assert item["status"] == "delivered"


async def test_a_parcel_that_was_told_once_never_moves_by_itself_again(
    tmp_path_factory: pytest.TempPathFactory, shop: WebhookReceiver
) -> None:
    # Slow enough to be faster than the parcel: in transit after a second.
    directory = tmp_path_factory.mktemp("slower")
    async with sandbox_service(directory, shop.url, speed=14_400.0) as slower:
        gateways = slower.gateways()
        gateway = gateways.carriers["sandbox"]
        told, other = await asyncio.gather(
            sent(gateway, asked("34720")), sent(gateway, asked("34720"))
        )
        await slower.control(f"/parcels/{told}/advance", {"status": "out_for_delivery"})
        await news_of(shop, gateway, other, 1)
        assert [one.event["data"]["status"] for one in shop.of(told)] == ["out_for_delivery"]
        await gateways.aclose()


async def test_a_scanned_parcel_is_in_the_carriers_hands(
    sandbox: SandboxService, gateway: CarrierGateway
) -> None:
    label = await gateway.buy_label(asked("34720"))
    await sandbox.control(f"/parcels/{label.tracking_number}/advance", {"status": "in_transit"})
    assert not await gateway.void_label("void", label.provider_ref)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "flying"},
        {"status": 5},
        {"status": "delivered", "occurred_at": "soon"},
        {"status": "delivered", "occurred_at": 1514764800},
        {"status": "delivered", "occurred_at": "2018-01-01T10:00:00"},
        {"status": "delivered", "occured_at": "2018-01-01T10:00:00Z"},
        {"status": "delivered", "signed_by": "\ud800"},
    ],
)
async def test_a_malformed_scan_is_422_and_changes_nothing(
    sandbox: SandboxService, gateway: CarrierGateway, body: dict[str, object]
) -> None:
    request = asked("34720", "manual")
    number = await sent(gateway, request)
    async with sandbox.client() as client:
        # Python's encoder escapes the half of a surrogate pair, as a careless client would.
        answer = await client.post(
            f"/parcels/{number}/advance",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"].startswith("/")
    assert [one.status for one in await gateway.track(number)] == [T.PRE_TRANSIT]


async def test_an_unknown_parcel_is_404_and_a_voided_one_409(
    sandbox: SandboxService, gateway: CarrierGateway
) -> None:
    label = await gateway.buy_label(asked("34720"))
    await gateway.void_label("void", label.provider_ref)
    async with sandbox.client() as client:
        unknown = await client.post("/parcels/SBX000/advance", json={"status": "lost"})
        voided = await client.post(
            f"/parcels/{label.tracking_number}/advance", json={"status": "lost"}
        )
    assert unknown.status_code == HTTPStatus.NOT_FOUND
    assert (voided.status_code, voided.json()["code"]) == (
        HTTPStatus.CONFLICT,
        "label_voided",
    )
    with pytest.raises(ProviderRejected):
        await gateway.track("SBX000")


async def test_the_pages_of_a_parcel_show_it_and_escape_what_customers_wrote(
    sandbox: SandboxService, gateway: CarrierGateway
) -> None:
    request = asked("34720", "manual")
    person = replace(request.destination, name="<b>Ayşe</b>")
    label = await gateway.buy_label(replace(request, destination=person))
    async with sandbox.client() as client:
        track = await client.get(label.tracking_url)
        paper = await client.get(label.label_url)
    assert label.tracking_number in track.text
    assert "Ayşe" not in track.text
    assert "&lt;b&gt;Ayşe&lt;/b&gt;" in paper.text
    assert "Bağdat Cad. 1" in paper.text


async def test_a_parcel_without_weight_is_rejected(gateway: CarrierGateway) -> None:
    request = asked("34720")
    with pytest.raises(ProviderRejected) as refusal:
        await gateway.buy_label(replace(request, parcel=Parcel(0, 1, 1, 1)))
    assert refusal.value.reason == "invalid_request"
