"""What each payment token makes the sandbox do, as data (API.md, 'Sandbox providers')."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

TEMPORARY_FAILURE = "temporarily_unavailable"
REFUND_STUMBLE = "refund_failed_temporarily"
AUTHORIZATION_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Behavior:
    """One instrument's character.

    `declined` is the reason of a refused authorization. `waits` asks the customer to act first;
    `customer_takes` (in real time) and `bank_takes` (in life's time) tell after how long that
    happens by itself. `stumbles` is how many tries of each operation's key get a passing failure;
    `refund_stumbles` the same for refunds alone. `capture_refused` is the final reason of every
    capture. `expires` limits the authorization to `AUTHORIZATION_LIFE`.
    """

    declined: str = ""
    waits: bool = False
    customer_takes: timedelta | None = None
    bank_takes: timedelta | None = None
    loses_answer: bool = False
    stumbles: int = 0
    refund_stumbles: int = 0
    capture_refused: str = ""
    expires: bool = False


PLAIN = Behavior()

TOKENS: Mapping[str, Behavior] = MappingProxyType(
    {
        "tok_visa": PLAIN,
        "tok_declined": Behavior(declined="card_declined"),
        "tok_insufficient_funds": Behavior(declined="insufficient_funds"),
        "tok_3ds": Behavior(waits=True, customer_takes=timedelta(seconds=2)),
        "tok_manual": Behavior(waits=True),
        "tok_timeout": Behavior(loses_answer=True),
        "tok_flaky": Behavior(stumbles=2),
        "tok_capture_fails": Behavior(capture_refused="capture_refused"),
        "tok_refund_fails_once": Behavior(refund_stumbles=1),
        "tok_expires": Behavior(expires=True),
    }
)

# A method that needs no token has a character of its own.
TOKENLESS: Mapping[str, Behavior] = MappingProxyType(
    {
        "bank_transfer": Behavior(waits=True, bank_takes=timedelta(hours=12)),
        "cash_on_delivery": PLAIN,
    }
)


def behavior(method: str, token: str) -> Behavior:
    """The character of `token`; an empty one is the method's own, an unknown one is refused."""
    if token:
        return TOKENS.get(token, Behavior(declined="invalid_token"))
    return TOKENLESS.get(method, Behavior(declined="token_required"))
