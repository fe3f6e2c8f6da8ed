"""The sandbox's courier: nothing is lost, whatever the shop answers."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.registry import Gateways, SandboxAccess, build
from adapters.sandbox.signature import signed_headers, verify
from domain.errors import InvalidSignature, MalformedWebhook
from domain.money import Money
from domain.ports import AuthorizeRequest, CarrierGateway, PaymentGateway
from tests.fakes.sandbox_service import SECRET, SandboxService, sandbox_service
from tests.fakes.webhook_receiver import Received, WebhookReceiver, webhook_receiver

_numbers = itertools.count()
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, shop: WebhookReceiver
) -> AsyncIterator[SandboxService]:
    async with sandbox_service(tmp_path_factory.mktemp("sandbox"), shop.url) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateways(sandbox: SandboxService) -> AsyncIterator[Gateways]:
    gateways = sandbox.gateways()
    yield gateways
    await gateways.aclose()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def healthy(shop: WebhookReceiver) -> AsyncIterator[None]:
    """Whatever a test made of the shop, it takes everything before the next one."""
    yield
    shop.answer = lambda _: HTTPStatus.OK


def sale() -> AuthorizeRequest:
    """A payment that is told by exactly one webhook."""
    number = next(_numbers)
    return AuthorizeRequest(
        key=f"authorize-{number}",
        order_id=f"ord_{number}",
        payment_id=f"pay_{number}",
        method="card",
        amount=Money(64790, "TRY"),
        token="tok_visa",
        capture=True,
    )


async def waiting(sandbox: SandboxService) -> int:
    async with sandbox.client() as client:
        count: int = (await client.get("/ledger/summary")).json()["webhooks"]["waiting"]
        return count


async def test_a_webhook_is_repeated_until_it_is_taken(
    shop: WebhookReceiver, gateways: Gateways
) -> None:
    refusals = iter([HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE, None])
    shop.answer = lambda _: next(refusals, HTTPStatus.OK)
    request = sale()
    await gateways.payments["sandbox"].authorize(request)
    await shop.until(lambda: len(shop.of(request.payment_id)) == 4)
    received = shop.of(request.payment_id)
    assert len({one.headers["webhook-id"] for one in received}) == 1
    assert len({one.body for one in received}) == 1
    assert received[0].path == "/v1/webhooks/payments/sandbox"
    # What was taken is not sent again: a later one arrives, and no fifth of the first.
    later = sale()
    await gateways.payments["sandbox"].authorize(later)
    await shop.until(lambda: bool(shop.of(later.payment_id)))
    assert len(shop.of(request.payment_id)) == 4


async def test_one_webhook_that_is_always_refused_holds_no_other_up(
    shop: WebhookReceiver, gateways: Gateways
) -> None:
    poison = sale()
    gateway = gateways.payments["sandbox"]

    def answer(one: Received) -> HTTPStatus:
        is_poison = one.event["data"]["payment"] == poison.payment_id
        return HTTPStatus.INTERNAL_SERVER_ERROR if is_poison else HTTPStatus.OK

    shop.answer = answer
    await gateway.authorize(poison)
    others = [sale() for _ in range(20)]
    await asyncio.gather(*(gateway.authorize(one) for one in others))
    await shop.until(lambda: all(shop.of(one.payment_id) for one in others))


async def test_a_shop_that_was_down_gets_all_its_news(
    shop: WebhookReceiver, gateways: Gateways, sandbox: SandboxService
) -> None:
    await shop.close()
    requests = [sale() for _ in range(50)]
    await asyncio.gather(*(gateways.payments["sandbox"].authorize(one) for one in requests))
    assert await waiting(sandbox) >= 50
    await shop.open()
    await shop.until(lambda: all(shop.of(one.payment_id) for one in requests))
    received = [shop.of(one.payment_id) for one in requests]
    assert {len(of_one) for of_one in received} == {1}
    # Over few connections, which stay open.
    assert len({of_one[0].connection for of_one in received}) <= 16


async def test_webhooks_and_plans_survive_a_restart(tmp_path: Path, shop: WebhookReceiver) -> None:
    await shop.close()
    # A day of life in a second: the authorization runs out after the restart.
    async with sandbox_service(tmp_path, shop.url, speed=86_400.0) as sandbox:
        gateways = sandbox.gateways()
        gateway = gateways.payments["sandbox"]
        sold, expiring = sale(), replace(sale(), token="tok_expires", capture=False)
        await gateway.authorize(sold)
        await gateway.authorize(expiring)
        await sandbox.stop()
        await shop.open()
        await sandbox.start()
        await shop.until(lambda: bool(shop.of(sold.payment_id) and shop.of(expiring.payment_id)))
        (expired,) = shop.of(expiring.payment_id)
        assert expired.event["type"] == "payment.expired"
        (item,) = await sandbox.ledger("payments", expiring.order_id)
        assert item["status"] == "expired"
        await gateways.aclose()


async def test_customers_and_banks_act_by_themselves_at_speed(
    tmp_path: Path, shop: WebhookReceiver
) -> None:
    async with sandbox_service(tmp_path, shop.url, speed=86_400.0) as sandbox:
        gateways = sandbox.gateways()
        gateway = gateways.payments["sandbox"]
        at_bank = replace(sale(), token="tok_3ds", capture=False)
        transfer = replace(sale(), token=None, method="bank_transfer")
        manual = replace(sale(), token="tok_manual")
        for request in (at_bank, transfer, manual):
            await gateway.authorize(request)
        await shop.until(lambda: bool(shop.of(at_bank.payment_id) and shop.of(transfer.payment_id)))
        assert shop.of(at_bank.payment_id)[0].event["type"] == "payment.authorized"
        assert shop.of(transfer.payment_id)[0].event["type"] == "payment.captured"
        (item,) = await sandbox.ledger("payments", manual.order_id)
        assert item["status"] == "action_required"
        await gateways.aclose()


async def test_only_the_right_secret_and_a_fresh_time_are_believed() -> None:
    body = b'{"id": "evt_1"}'
    headers = signed_headers(SECRET, "evt_1", body, NOW)
    assert verify(SECRET, headers, body, NOW) == "evt_1"
    assert verify(SECRET, headers, body, NOW + timedelta(minutes=5)) == "evt_1"
    for moment in (
        NOW + timedelta(minutes=5, seconds=1),
        NOW - timedelta(minutes=5, seconds=1),
    ):
        with pytest.raises(InvalidSignature):
            verify(SECRET, headers, body, moment)
    bad = [
        ("another secret", headers, body),
        (SECRET, headers, body + b" "),
        (SECRET, headers | {"webhook-id": "evt_2"}, body),
        (SECRET, headers | {"webhook-timestamp": "soon"}, body),
        (SECRET, headers | {"webhook-signature": ""}, body),
        (SECRET, headers | {"webhook-signature": "v1,ÿ"}, body),
        (
            SECRET,
            headers | {"webhook-signature": headers["webhook-signature"][3:]},
            body,
        ),
        (
            SECRET,
            headers | {"webhook-signature": "v2" + headers["webhook-signature"][2:]},
            body,
        ),
    ]
    for secret, given, received in bad:
        with pytest.raises(InvalidSignature):
            verify(secret, given, received, NOW)


async def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    body = b"{}"
    old = signed_headers("old", "evt_1", body, NOW)
    new = signed_headers("new", "evt_1", body, NOW)
    both = old | {"webhook-signature": f"{old['webhook-signature']} {new['webhook-signature']}"}
    assert verify("old", both, body, NOW) == verify("new", both, body, NOW) == "evt_1"


async def test_signatures_are_those_of_the_specification() -> None:
    # The example of the Standard Webhooks specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    moment = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, moment)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def _signed(body: bytes) -> dict[str, str]:
    return signed_headers(SECRET, "evt_1", body, datetime.now(UTC))


@pytest_asyncio.fixture(loop_scope="session")
async def readers() -> AsyncIterator[Gateways]:
    """Adapters that read webhooks, as those of the API do; nobody serves there."""
    access = SandboxAccess("http://127.0.0.1:9", "", SECRET)
    gateways = build(sandbox=access, timeout=timedelta(seconds=1))
    yield gateways
    await gateways.aclose()


async def test_events_of_other_kinds_are_no_news(readers: Gateways) -> None:
    event = {
        "id": "evt_1",
        "type": "dispute.opened",
        "occurred_at": "2026-01-01T00:00:00Z",
    }
    body = json.dumps(event | {"data": {}}).encode()
    assert list(readers.payments["sandbox"].parse_webhook(_signed(body), body)) == []
    assert list(readers.carriers["sandbox"].parse_webhook(_signed(body), body)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"id": "evt_1"}',
        b'{"id": "e", "type": "payment.captured", "occurred_at": "2026-01-01T00:00:00Z"}',
        b'{"id": "e", "type": "payment.captured", "occurred_at": "soon", "data": {}}',
        b'{"id": "e", "type": "parcel.scan", "occurred_at": "soon", "data": {"status": 5}}',
        base64.b64decode("/////w=="),
    ],
)
async def test_a_signed_body_that_makes_no_sense_is_malformed(
    readers: Gateways, body: bytes
) -> None:
    parties: list[PaymentGateway | CarrierGateway] = [
        readers.payments["sandbox"],
        readers.carriers["sandbox"],
    ]
    malformed = 0
    for party in parties:
        try:
            assert list(party.parse_webhook(_signed(body), body)) == []
        except MalformedWebhook:
            malformed += 1
    assert malformed >= 1
