"""What every `PaymentGateway` must do, whoever is behind it."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from domain.errors import InvalidSignature, ProviderRejected
from domain.money import Money
from domain.ports import AuthorizeRequest, PaymentOutcome, SettleRequest
from domain.states import OperationKind, OperationStatus
from tests.integration.ports.conftest import PaymentLab

PRICE = Money(64790, "TRY")


def asked(token: str, *, capture: bool = False) -> AuthorizeRequest:
    unique = secrets.token_hex(8)
    return AuthorizeRequest(
        key=f"{unique}:authorize",
        order_id=f"ord_{unique}",
        payment_id=f"pay_{unique}",
        method="card",
        amount=PRICE,
        token=token,
        capture=capture,
        return_url="https://shop.example/thanks",
    )


def settling(
    request: AuthorizeRequest, outcome: PaymentOutcome, what: str, amount: int | None
) -> SettleRequest:
    return SettleRequest(
        key=f"{request.payment_id}:{what}",
        order_id=request.order_id,
        payment_id=request.payment_id,
        provider_ref=outcome.provider_ref,
        amount=None if amount is None else Money(amount, PRICE.currency),
    )


async def test_a_good_card_is_authorized_and_not_captured(payments: PaymentLab) -> None:
    outcome = await payments.gateway.authorize(asked(payments.tokens["good"]))
    assert outcome.status is OperationStatus.SUCCEEDED
    assert outcome.provider_ref
    assert (outcome.captured, outcome.reason, outcome.client_action) == (
        False,
        "",
        None,
    )


async def test_an_authorization_can_take_the_money_at_once(
    payments: PaymentLab,
) -> None:
    outcome = await payments.gateway.authorize(asked(payments.tokens["good"], capture=True))
    assert (outcome.status, outcome.captured) == (OperationStatus.SUCCEEDED, True)


async def test_a_declined_card_is_an_outcome_with_a_code(payments: PaymentLab) -> None:
    outcome = await payments.gateway.authorize(asked(payments.tokens["declined"]))
    assert (outcome.status, outcome.reason) == (OperationStatus.FAILED, "card_declined")


async def test_the_same_key_is_charged_once_also_when_sent_at_once(
    payments: PaymentLab,
) -> None:
    request = asked(payments.tokens["good"])
    outcomes = await asyncio.gather(*(payments.gateway.authorize(request) for _ in range(10)))
    assert len(set(map(str, outcomes))) == 1
    assert await payments.gateway.authorize(request) == outcomes[0]


async def test_a_key_is_not_good_for_another_amount(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    await payments.gateway.authorize(request)
    with pytest.raises(ProviderRejected) as refusal:
        await payments.gateway.authorize(replace(request, amount=Money(1, "TRY")))
    assert refusal.value.reason == "idempotency_key_reused"


async def test_an_operation_is_found_by_its_key(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    authorized = await payments.gateway.authorize(request)
    capture = settling(request, authorized, "capture", 1000)
    captured = await payments.gateway.capture(capture)
    ref = authorized.provider_ref
    assert await payments.gateway.look_up(OperationKind.AUTHORIZE, request.key, ref) == authorized
    assert await payments.gateway.look_up(OperationKind.CAPTURE, capture.key, ref) == captured


async def test_an_operation_that_never_arrived_is_not_found(
    payments: PaymentLab,
) -> None:
    assert await payments.gateway.look_up(OperationKind.AUTHORIZE, "never sent", "") is None


async def test_parts_are_captured_until_nothing_is_left(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    outcome = await payments.gateway.authorize(request)
    for number, amount in enumerate((60000, 4790)):
        part = await payments.gateway.capture(
            settling(request, outcome, f"capture {number}", amount)
        )
        assert part.status is OperationStatus.SUCCEEDED
        assert part.provider_ref != outcome.provider_ref
    more = await payments.gateway.capture(settling(request, outcome, "more", 1))
    assert (more.status, more.reason) == (OperationStatus.FAILED, "already_captured")


async def test_more_than_authorized_is_not_captured(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    outcome = await payments.gateway.authorize(request)
    capture = settling(request, outcome, "capture", PRICE.amount + 1)
    refused = await payments.gateway.capture(capture)
    assert (refused.status, refused.reason) == (OperationStatus.FAILED, "over_capture")
    # The refusal is final for its key, and leaves the authorization as it was.
    assert await payments.gateway.capture(capture) == refused
    whole = await payments.gateway.capture(settling(request, outcome, "whole", PRICE.amount))
    assert whole.status is OperationStatus.SUCCEEDED


async def test_parts_are_refunded_and_never_more_than_was_captured(
    payments: PaymentLab,
) -> None:
    request = asked(payments.tokens["good"], capture=True)
    outcome = await payments.gateway.authorize(request)
    first = await payments.gateway.refund(settling(request, outcome, "first", 60000))
    over = await payments.gateway.refund(settling(request, outcome, "over", 4791))
    rest = await payments.gateway.refund(settling(request, outcome, "rest", 4790))
    assert first.status is rest.status is OperationStatus.SUCCEEDED
    assert (over.status, over.reason) == (OperationStatus.FAILED, "over_refund")


async def test_what_was_not_captured_is_not_refunded(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    outcome = await payments.gateway.authorize(request)
    refused = await payments.gateway.refund(settling(request, outcome, "refund", 1))
    assert (refused.status, refused.reason) == (OperationStatus.FAILED, "not_captured")


async def test_a_voided_authorization_cannot_be_captured(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"])
    outcome = await payments.gateway.authorize(request)
    void = settling(request, outcome, "void", None)
    voided = await payments.gateway.void(void)
    assert voided.status is OperationStatus.SUCCEEDED
    assert await payments.gateway.void(void) == voided
    refused = await payments.gateway.capture(settling(request, outcome, "capture", 1))
    assert (refused.status, refused.reason) == (
        OperationStatus.FAILED,
        "payment_voided",
    )


async def test_a_captured_payment_cannot_be_voided(payments: PaymentLab) -> None:
    request = asked(payments.tokens["good"], capture=True)
    outcome = await payments.gateway.authorize(request)
    refused = await payments.gateway.void(settling(request, outcome, "void", None))
    assert (refused.status, refused.reason) == (
        OperationStatus.FAILED,
        "already_captured",
    )


async def test_a_customer_who_must_act_is_told_where_and_the_end_is_told_by_webhook(
    payments: PaymentLab,
) -> None:
    request = asked(payments.tokens["customer_acts"])
    outcome = await payments.gateway.authorize(request)
    assert outcome.status is OperationStatus.ACTION_REQUIRED
    assert outcome.client_action is not None
    assert outcome.client_action["type"] == "redirect"
    assert outcome.client_action["url"].startswith("http")

    await payments.customer_confirms(outcome.provider_ref)
    received = await payments.webhook_about(request.payment_id)
    (news,) = payments.gateway.parse_webhook(received.headers, received.body)
    assert (news.payment_id, news.kind, news.status, news.amount) == (
        request.payment_id,
        OperationKind.AUTHORIZE,
        OperationStatus.SUCCEEDED,
        PRICE,
    )
    assert news.provider_ref == outcome.provider_ref
    assert news.event_id
    found = await payments.gateway.look_up(OperationKind.AUTHORIZE, request.key, "")
    assert found is not None
    assert (found.status, found.client_action) == (OperationStatus.SUCCEEDED, None)


async def test_a_webhook_that_was_changed_on_its_way_is_refused(
    payments: PaymentLab,
) -> None:
    request = asked(payments.tokens["customer_acts"])
    outcome = await payments.gateway.authorize(request)
    await payments.customer_confirms(outcome.provider_ref)
    received = await payments.webhook_about(request.payment_id)
    changed = received.body.replace(b"64790", b"14790")
    with pytest.raises(InvalidSignature):
        payments.gateway.parse_webhook(received.headers, changed)
    with pytest.raises(InvalidSignature):
        payments.gateway.parse_webhook({}, received.body)
