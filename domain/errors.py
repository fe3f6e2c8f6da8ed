"""Errors with a stable code. Each knows whether a retry can help and which HTTP status it means."""

from http import HTTPStatus
from typing import ClassVar


class KervanError(Exception):
    """Base of all errors that Kervan raises on purpose."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retryable: ClassVar[bool] = False


class UnknownCurrency(KervanError):
    """The currency is not in ISO 4217."""

    code = "unknown_currency"
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class CurrencyMismatch(KervanError):
    """Two currencies met in one sum."""

    code = "currency_mismatch"
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class IllegalTransition(KervanError):
    """A state machine was asked for a step that its table does not have."""

    code = "illegal_transition"
    http_status = HTTPStatus.CONFLICT


class Refused(KervanError):
    """A request that the order's state does not allow. It is answered, and written down.

    `code` is stable, `current` tells the states that stand in the way; neither holds personal data.
    """

    http_status = HTTPStatus.CONFLICT

    def __init__(self, code: str, detail: str, **current: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]
        self.detail = detail
        self.current = current


class NotFound(KervanError):
    """There is no such thing."""

    code = "not_found"
    http_status = HTTPStatus.NOT_FOUND


class ProviderError(KervanError):
    """Base of what goes wrong at an outside party. Messages hold codes, never personal data."""

    code = "provider_error"
    http_status = HTTPStatus.BAD_GATEWAY


class ProviderUnavailable(ProviderError):
    """The provider did not do it (refused the connection, 429, 5xx): safe to ask again."""

    code = "provider_unavailable"
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = True


class OutcomeUnknown(ProviderError):
    """The request was sent and no answer came: look it up before anything is sent again."""

    code = "outcome_unknown"
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = True


class ProviderRejected(ProviderError):
    """The provider understood and said no for good; `reason` is its stable code."""

    code = "provider_rejected"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class InvalidSignature(KervanError):
    """A webhook whose signature does not fit its body."""

    code = "invalid_signature"
    http_status = HTTPStatus.UNAUTHORIZED


class MalformedWebhook(KervanError):
    """A webhook that is signed but not understood."""

    code = "malformed_webhook"
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class MailRejected(KervanError):
    """The mail server refused the message for good (SMTP 5xx)."""

    code = "mail_rejected"


class MailUnavailable(KervanError):
    """The mail server could not take the message now (SMTP 4xx, no connection)."""

    code = "mail_unavailable"
    retryable = True
