"""What every `CarrierGateway` must do, whoever is behind it."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from domain.errors import InvalidSignature, ProviderRejected
from domain.money import Money
from domain.ports import Address, LabelRequest, Parcel
from domain.states import TrackingStatus
from tests.integration.ports.conftest import CarrierLab

WAREHOUSE = Address("Kervan", "Depo Sok. 5", "Ankara", "TR", "06000")
CUSTOMER = Address("Ayşe Yılmaz", "Bağdat Cad. 1", "İstanbul", "TR", "34720")
BOX = Parcel(weight_g=1200, length_mm=300, width_mm=200, height_mm=100)


def asked() -> LabelRequest:
    unique = secrets.token_hex(8)
    return LabelRequest(
        key=f"{unique}:label",
        order_id=f"ord_{unique}",
        shipment_id=f"shp_{unique}",
        origin=WAREHOUSE,
        destination=CUSTOMER,
        parcel=BOX,
        service="standard",
        value=Money(64790, "TRY"),
    )


async def test_a_label_has_a_number_addresses_and_a_price(carrier: CarrierLab) -> None:
    label = await carrier.gateway.buy_label(asked())
    assert label.carrier == carrier.gateway.name
    assert label.tracking_number
    assert label.tracking_url.startswith("http")
    assert label.label_url.startswith("http")
    assert label.cost.amount > 0
    assert label.cost.currency == "TRY"


async def test_a_heavier_parcel_costs_more(carrier: CarrierLab) -> None:
    light = await carrier.gateway.buy_label(asked())
    heavy = await carrier.gateway.buy_label(replace(asked(), parcel=replace(BOX, weight_g=9000)))
    assert light.cost < heavy.cost


async def test_the_same_key_buys_one_label_also_when_sent_at_once(
    carrier: CarrierLab,
) -> None:
    request = asked()
    labels = await asyncio.gather(*(carrier.gateway.buy_label(request) for _ in range(10)))
    assert len(set(labels)) == 1
    assert await carrier.gateway.find_label(request.key) == labels[0]


async def test_a_key_is_not_good_for_another_parcel(carrier: CarrierLab) -> None:
    request = asked()
    await carrier.gateway.buy_label(request)
    with pytest.raises(ProviderRejected) as refusal:
        await carrier.gateway.buy_label(replace(request, service="express"))
    assert refusal.value.reason == "idempotency_key_reused"


async def test_a_label_that_was_never_bought_is_not_found(carrier: CarrierLab) -> None:
    assert await carrier.gateway.find_label("never sent") is None


async def test_an_unused_label_is_taken_back_any_number_of_times(
    carrier: CarrierLab,
) -> None:
    label = await carrier.gateway.buy_label(asked())
    assert await carrier.gateway.void_label("void", label.provider_ref)
    assert await carrier.gateway.void_label("void", label.provider_ref)
    with pytest.raises(ProviderRejected) as refusal:
        await carrier.gateway.hand_over("hand-over", label.provider_ref)
    assert refusal.value.reason == "label_voided"


async def test_a_label_in_use_is_not_taken_back(carrier: CarrierLab) -> None:
    label = await carrier.gateway.buy_label(asked())
    await carrier.gateway.hand_over("hand-over", label.provider_ref)
    await carrier.gateway.hand_over("hand-over", label.provider_ref)
    assert not await carrier.gateway.void_label("void", label.provider_ref)


@pytest.mark.parametrize("scan", [None, TrackingStatus.IN_TRANSIT, TrackingStatus.DELAYED])
async def test_a_parcel_on_its_way_is_stopped_any_number_of_times(
    carrier: CarrierLab, scan: TrackingStatus | None
) -> None:
    label = await carrier.gateway.buy_label(asked())
    await carrier.gateway.hand_over("hand-over", label.provider_ref)
    if scan is not None:
        await carrier.scan(label.tracking_number, scan)
    assert await carrier.gateway.intercept("intercept", label.provider_ref)
    assert await carrier.gateway.intercept("intercept", label.provider_ref)


@pytest.mark.parametrize(
    "scan",
    [
        TrackingStatus.OUT_FOR_DELIVERY,
        TrackingStatus.ATTEMPTED_DELIVERY,
        TrackingStatus.DELIVERED,
        TrackingStatus.LOST,
        TrackingStatus.RETURN_TO_SENDER,
    ],
)
async def test_a_parcel_that_the_courier_has_is_not_stopped(
    carrier: CarrierLab, scan: TrackingStatus
) -> None:
    label = await carrier.gateway.buy_label(asked())
    await carrier.gateway.hand_over("hand-over", label.provider_ref)
    await carrier.scan(label.tracking_number, scan)
    assert not await carrier.gateway.intercept("intercept", label.provider_ref)


async def test_scans_are_told_by_webhook_and_found_in_the_history(
    carrier: CarrierLab,
) -> None:
    label = await carrier.gateway.buy_label(asked())
    await carrier.gateway.hand_over("hand-over", label.provider_ref)
    await carrier.scan(label.tracking_number, TrackingStatus.DELIVERED)
    received = await carrier.webhook_about(label.tracking_number)
    (news,) = carrier.gateway.parse_webhook(received.headers, received.body)
    assert (news.tracking_number, news.status) == (
        label.tracking_number,
        TrackingStatus.DELIVERED,
    )
    assert news.proof["signed_by"]
    history = await carrier.gateway.track(label.tracking_number)
    # The same event under the same id: polling and webhooks count it once.
    assert history[-1] == news
    assert [scan.status for scan in history] == [
        TrackingStatus.PRE_TRANSIT,
        TrackingStatus.DELIVERED,
    ]


async def test_a_scan_that_was_changed_on_its_way_is_refused(
    carrier: CarrierLab,
) -> None:
    label = await carrier.gateway.buy_label(asked())
    await carrier.scan(label.tracking_number, TrackingStatus.IN_TRANSIT)
    received = await carrier.webhook_about(label.tracking_number)
    changed = received.body.replace(b"in_transit", b"delivered_")
    with pytest.raises(InvalidSignature):
        carrier.gateway.parse_webhook(received.headers, changed)
