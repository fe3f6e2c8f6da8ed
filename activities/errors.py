"""How errors leave an activity: by code and kind, never with text that could name a person.

An exception's message is kept in the workflow history in plain text (TEMPORAL trap 9), so only
Kervan's own errors, which are written without personal data, pass with their message.
"""

from typing import Any

import asyncpg
import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.errors import KervanError, ProviderRejected, Refused

log = structlog.get_logger(__name__)


REFUSED = "Refused"

# What the database will refuse again: a person has to know of it now, not after many tries.
_REFUSED_BY_THE_SCHEMA = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.SyntaxOrAccessError,
)


def refusal(error: Refused) -> ApplicationError:
    """How a refusal leaves an activity or an update: the API answers 409 with its details."""
    details = {"code": error.code, "detail": error.detail, "current": dict(error.current)}
    return ApplicationError(error.detail, details, type=REFUSED, non_retryable=True)


class PlainErrors(Interceptor):
    """Worker interceptor that translates every exception of an activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap each activity's execution."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's signature
        try:
            return await super().execute_activity(input)
        except (ApplicationError, CancelledError):
            raise
        except Refused as error:
            raise refusal(error) from None
        except ProviderRejected as error:
            self._tell(error.reason)
            raise ApplicationError(
                error.reason, {"reason": error.reason}, type="ProviderRejected", non_retryable=True
            ) from None
        except KervanError as error:
            self._tell(error.code)
            raise ApplicationError(
                str(error) or error.code, type=error.code, non_retryable=not error.retryable
            ) from None
        except _REFUSED_BY_THE_SCHEMA as error:
            self._tell(type(error).__name__, defect=True)
            name = type(error).__name__
            raise ApplicationError(name, type=name, non_retryable=True) from None
        except Exception as error:  # noqa: BLE001 - whatever it is leaves by its type alone
            self._tell(type(error).__name__, defect=not isinstance(error, OSError))
            raise ApplicationError(type(error).__name__, type=type(error).__name__) from None

    @staticmethod
    def _tell(error: str, *, defect: bool = False) -> None:
        """One line per failed attempt; a defect with its traceback."""
        info = activity.info()
        log.warning(
            "activity_failed",
            activity=info.activity_type,
            workflow_id=info.workflow_id,
            attempt=info.attempt,
            error=error,
            exc_info=defect,
        )
