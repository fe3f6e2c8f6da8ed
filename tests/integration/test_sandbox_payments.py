"""The sandbox's payment provider: every token, every method, and its bad days."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio

from adapters.registry import Gateways
from domain.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from domain.money import Money
from domain.ports import AuthorizeRequest, PaymentGateway, PaymentNews, SettleRequest
from domain.states import OperationKind, OperationStatus
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver

_numbers = itertools.count()
PRICE = Money(64790, "TRY")


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


@pytest.fixture(scope="module")
def gateway(gateways: Gateways) -> PaymentGateway:
    return gateways.payments["sandbox"]


def asked(
    token: str | None,
    method: str = "card",
    amount: Money = PRICE,
    *,
    capture: bool = False,
) -> AuthorizeRequest:
    number = next(_numbers)
    return AuthorizeRequest(
        key=f"authorize-{number}",
        order_id=f"ord_{number}",
        payment_id=f"pay_{number}",
        method=method,
        amount=amount,
        token=token,
        capture=capture,
    )


def settling(request: AuthorizeRequest, ref: str, what: str, amount: int | None) -> SettleRequest:
    money = None if amount is None else Money(amount, request.amount.currency)
    return SettleRequest(f"{what}-{request.key}", request.order_id, request.payment_id, ref, money)


async def news_of(
    shop: WebhookReceiver,
    gateway: PaymentGateway,
    request: AuthorizeRequest,
    count: int = 1,
) -> list[PaymentNews]:
    await shop.until(lambda: len(shop.of(request.payment_id)) >= count)
    received = shop.of(request.payment_id)
    return [news for one in received for news in gateway.parse_webhook(one.headers, one.body)]


async def only_payment(sandbox: SandboxService, request: AuthorizeRequest) -> dict[str, Any]:
    (item,) = await sandbox.ledger("payments", request.order_id)
    return item


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_nobody_knows", "invalid_token"),
        ("", "token_required"),
        (None, "token_required"),
    ],
)
async def test_a_refused_instrument_is_a_failed_payment(
    sandbox: SandboxService, gateway: PaymentGateway, token: str | None, reason: str
) -> None:
    request = asked(token)
    outcome = await gateway.authorize(request)
    assert (outcome.status, outcome.reason) == (OperationStatus.FAILED, reason)
    item = await only_payment(sandbox, request)
    assert (item["status"], item["captured"]["amount"]) == ("failed", 0)


@pytest.mark.parametrize("method", ["card", "wallet", "voucher"])
async def test_a_good_token_pays_by_any_instrument(gateway: PaymentGateway, method: str) -> None:
    outcome = await gateway.authorize(asked("tok_visa", method))
    assert (outcome.status, outcome.captured) == (OperationStatus.SUCCEEDED, False)


async def test_cash_on_delivery_needs_no_token_and_is_taken_when_asked(
    gateway: PaymentGateway,
) -> None:
    request = asked(None, "cash_on_delivery")
    outcome = await gateway.authorize(request)
    assert (outcome.status, outcome.captured) == (OperationStatus.SUCCEEDED, False)
    captured = await gateway.capture(settling(request, outcome.provider_ref, "capture", 64790))
    assert captured.status is OperationStatus.SUCCEEDED


async def test_a_bank_transfer_waits_for_the_money_and_then_has_it(
    sandbox: SandboxService, gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked(None, "bank_transfer")
    outcome = await gateway.authorize(request)
    assert outcome.status is OperationStatus.ACTION_REQUIRED
    assert outcome.client_action is not None
    assert outcome.client_action["type"] == "bank_transfer"
    assert outcome.client_action["reference"]
    await sandbox.control(f"/payments/{outcome.provider_ref}/confirm", {"outcome": "succeed"})
    (news,) = await news_of(shop, gateway, request)
    assert (news.kind, news.status, news.captured) == (
        OperationKind.AUTHORIZE,
        OperationStatus.SUCCEEDED,
        True,
    )
    assert (await only_payment(sandbox, request))["captured"] == {
        "amount": 64790,
        "currency": "TRY",
    }


async def test_a_lost_answer_is_unknown_and_the_charge_has_happened_once(
    sandbox: SandboxService, gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked("tok_timeout")
    with pytest.raises(OutcomeUnknown):
        await gateway.authorize(request)
    found = await gateway.look_up(OperationKind.AUTHORIZE, request.key, "")
    assert found is not None
    assert found.status is OperationStatus.SUCCEEDED
    assert await gateway.authorize(request) == found
    assert (await only_payment(sandbox, request))["status"] == "authorized"
    (news,) = await news_of(shop, gateway, request)
    assert news.provider_ref == found.provider_ref
    # Only authorizations lose their answer.
    captured = await gateway.capture(settling(request, found.provider_ref, "capture", 64790))
    assert captured.status is OperationStatus.SUCCEEDED


async def test_a_flaky_provider_does_each_operation_at_the_third_try(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = asked("tok_flaky")
    for _ in range(2):
        with pytest.raises(ProviderUnavailable, match="temporarily_unavailable"):
            await gateway.authorize(request)
    assert await sandbox.ledger("payments", request.order_id) == []
    outcome = await gateway.authorize(request)
    assert outcome.status is OperationStatus.SUCCEEDED
    capture = settling(request, outcome.provider_ref, "capture", 64790)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await gateway.capture(capture)
    assert (await gateway.capture(capture)).status is OperationStatus.SUCCEEDED
    assert len(await sandbox.ledger("payments", request.order_id)) == 1


async def test_a_capture_can_be_refused_for_good(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = asked("tok_capture_fails")
    outcome = await gateway.authorize(request)
    refused = await gateway.capture(settling(request, outcome.provider_ref, "capture", 64790))
    assert (refused.status, refused.reason) == (
        OperationStatus.FAILED,
        "capture_refused",
    )
    assert (await only_payment(sandbox, request))["status"] == "authorized"
    voided = await gateway.void(settling(request, outcome.provider_ref, "void", None))
    assert voided.status is OperationStatus.SUCCEEDED
    sale = await gateway.authorize(asked("tok_capture_fails", capture=True))
    assert (sale.status, sale.reason) == (OperationStatus.FAILED, "capture_refused")


async def test_a_refund_can_need_a_second_try_with_the_same_key(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = asked("tok_refund_fails_once", capture=True)
    outcome = await gateway.authorize(request)
    refund = settling(request, outcome.provider_ref, "refund", 1000)
    with pytest.raises(ProviderUnavailable, match="refund_failed_temporarily"):
        await gateway.refund(refund)
    assert (await only_payment(sandbox, request))["refunds"] == []
    assert (await gateway.refund(refund)).status is OperationStatus.SUCCEEDED
    assert await gateway.refund(refund) == await gateway.refund(refund)
    item = await only_payment(sandbox, request)
    assert item["refunded"] == {"amount": 1000, "currency": "TRY"}
    assert [one["amount"]["amount"] for one in item["refunds"]] == [1000]


async def test_an_expired_authorization_takes_no_capture(
    sandbox: SandboxService, gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked("tok_expires")
    outcome = await gateway.authorize(request)
    assert outcome.expires_at is not None
    # At speed 0 a day is a day.
    assert abs(outcome.expires_at - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)
    when = "2026-01-02T03:04:05Z"
    await sandbox.control(f"/payments/{outcome.provider_ref}/expire", {"occurred_at": when})
    (news,) = await news_of(shop, gateway, request)
    assert (news.kind, news.status, news.reason) == (
        OperationKind.AUTHORIZE,
        OperationStatus.FAILED,
        "authorization_expired",
    )
    assert news.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for settle, what in ((gateway.capture, "capture"), (gateway.void, "void")):
        amount = 64790 if what == "capture" else None
        refused = await settle(settling(request, outcome.provider_ref, what, amount))
        assert (refused.status, refused.reason) == (
            OperationStatus.FAILED,
            "authorization_expired",
        )
    assert (await only_payment(sandbox, request))["status"] == "expired"


async def test_a_customer_confirms_in_the_past_when_history_is_replayed(
    sandbox: SandboxService, gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked("tok_manual", capture=True)
    outcome = await gateway.authorize(request)
    then = {"outcome": "succeed", "occurred_at": "2018-05-04T03:02:01+03:00"}
    # By our own id as well: a replay does not know the provider's.
    await sandbox.control(f"/payments/{request.payment_id}/confirm", then)
    (news,) = await news_of(shop, gateway, request)
    assert news.occurred_at == datetime(2018, 5, 4, 0, 2, 1, tzinfo=UTC)
    assert news.captured
    assert news.provider_ref == outcome.provider_ref


async def test_a_customer_can_fail_at_the_bank(
    sandbox: SandboxService, gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked("tok_3ds")
    outcome = await gateway.authorize(request)
    await sandbox.control(f"/payments/{outcome.provider_ref}/confirm", {"outcome": "fail"})
    (news,) = await news_of(shop, gateway, request)
    assert (news.status, news.reason) == (
        OperationStatus.FAILED,
        "authentication_failed",
    )
    found = await gateway.look_up(OperationKind.AUTHORIZE, request.key, "")
    assert found is not None
    assert (found.status, found.reason) == (
        OperationStatus.FAILED,
        "authentication_failed",
    )


async def test_a_payment_voided_while_the_customer_is_away_cannot_be_confirmed(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = asked("tok_3ds")
    outcome = await gateway.authorize(request)
    refused = await gateway.capture(settling(request, outcome.provider_ref, "capture", 1))
    assert refused.reason == "action_required"
    voided = await gateway.void(settling(request, outcome.provider_ref, "void", None))
    assert voided.status is OperationStatus.SUCCEEDED
    async with sandbox.client() as client:
        late = await client.post(
            f"/payments/{outcome.provider_ref}/confirm", json={"outcome": "succeed"}
        )
    assert (late.status_code, late.json()["code"]) == (
        HTTPStatus.CONFLICT,
        "payment_voided",
    )
    item = await only_payment(sandbox, request)
    assert (item["status"], item["client_action"]) == ("voided", None)


async def test_a_person_confirms_on_the_banks_page_and_is_led_back(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = replace(asked("tok_3ds"), return_url="https://shop.example/thanks")
    outcome = await gateway.authorize(request)
    assert outcome.client_action is not None
    url = outcome.client_action["url"]
    async with sandbox.client() as client:
        page = await client.get(url)
        assert page.status_code == HTTPStatus.OK
        assert "647.90 TRY" in page.text
        nonsense = await client.post(url, data={"outcome": "perhaps"})
        assert nonsense.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        pressed = await client.post(url, data={"outcome": "succeed"})
        assert pressed.status_code == HTTPStatus.SEE_OTHER
        assert pressed.headers["location"] == "https://shop.example/thanks"
        assert "Nothing is left to do here" in (await client.get(url)).text
    assert (await only_payment(sandbox, request))["status"] == "authorized"


async def test_the_rest_of_a_partly_captured_payment_can_be_given_back(
    sandbox: SandboxService, gateway: PaymentGateway
) -> None:
    request = asked("tok_visa")
    ref = (await gateway.authorize(request)).provider_ref
    await gateway.capture(settling(request, ref, "capture", 1000))
    released = await gateway.void(settling(request, ref, "void", None))
    assert released.status is OperationStatus.SUCCEEDED
    more = await gateway.capture(settling(request, ref, "more", 1))
    assert (more.status, more.reason) == (
        OperationStatus.FAILED,
        "authorization_released",
    )
    item = await only_payment(sandbox, request)
    assert (item["status"], item["captured"]["amount"]) == ("captured", 1000)


async def test_captures_voids_and_refunds_are_told_too(
    gateway: PaymentGateway, shop: WebhookReceiver
) -> None:
    request = asked("tok_visa")
    ref = (await gateway.authorize(request)).provider_ref
    captured = await gateway.capture(settling(request, ref, "capture", 60000))
    released = await gateway.void(settling(request, ref, "void", None))
    refunded = await gateway.refund(settling(request, ref, "refund", 500))
    news = await news_of(shop, gateway, request, 3)
    told = {(one.kind, one.provider_ref, one.amount.amount) for one in news}
    assert told == {
        (OperationKind.CAPTURE, captured.provider_ref, 60000),
        (OperationKind.VOID, released.provider_ref, 4790),
        (OperationKind.REFUND, refunded.provider_ref, 500),
    }
    assert {one.status for one in news} == {OperationStatus.SUCCEEDED}


async def test_what_the_provider_cannot_understand_is_rejected(
    gateway: PaymentGateway,
) -> None:
    for amount in (
        Money(0, "TRY"),
        Money(-5, "TRY"),
        Money(10**18, "TRY"),
        Money(5, "ABC"),
    ):
        with pytest.raises(ProviderRejected) as refusal:
            await gateway.authorize(asked("tok_visa", amount=amount))
        assert refusal.value.reason == "invalid_request"
    with pytest.raises(ProviderRejected) as refusal:
        await gateway.authorize(asked("tok_visa", "barter"))
    assert refusal.value.reason == "invalid_request"
    request = asked("tok_visa")
    ref = (await gateway.authorize(request)).provider_ref
    foreign = replace(settling(request, ref, "capture", 5), amount=Money(5, "EUR"))
    with pytest.raises(ProviderRejected) as refusal:
        await gateway.capture(foreign)
    assert refusal.value.reason == "currency_mismatch"
    with pytest.raises(ProviderRejected) as refusal:
        await gateway.capture(settling(request, "no/such?payment", "capture", 5))
    assert refusal.value.reason == "not_found"


async def test_nobody_pays_without_the_key(sandbox: SandboxService) -> None:
    async with sandbox.client() as client:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "wrong"},
        ):
            answer = await client.post("/payments", json={}, headers=headers)
            assert answer.status_code == HTTPStatus.UNAUTHORIZED
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/payments/nobody/confirm", {"outcome": "succeed"}, HTTPStatus.NOT_FOUND),
        ("/payments/nobody/expire", {}, HTTPStatus.NOT_FOUND),
        ("/payments/{}/confirm", {"outcome": "maybe"}, HTTPStatus.UNPROCESSABLE_ENTITY),
        ("/payments/{}/confirm", {}, HTTPStatus.UNPROCESSABLE_ENTITY),
        (
            "/payments/{}/confirm",
            {"outcome": "fail", "occurred_at": "yesterday"},
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
        (
            "/payments/{}/confirm",
            {"outcome": "fail", "occurred_at": "0001-01-01T00:00:00+14:00"},
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
        ("/payments/{}/confirm", {"outcome": "succeed"}, HTTPStatus.CONFLICT),
    ],
)
async def test_a_control_call_that_makes_no_sense_changes_nothing(
    sandbox: SandboxService,
    gateway: PaymentGateway,
    path: str,
    body: dict[str, str],
    status: HTTPStatus,
) -> None:
    request = asked("tok_visa")
    await gateway.authorize(request)
    async with sandbox.client() as client:
        answer = await client.post(path.format(request.payment_id), json=body)
    assert answer.status_code == status
    assert (await only_payment(sandbox, request))["status"] == "authorized"
