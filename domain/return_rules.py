"""The rules for goods that come back from customers.

The windows that come with Kervan are those of the law: 14 days to withdraw in the European Union
(Directive 2011/83/EU, article 9: from the day the last good of the order is received) and in
Turkey (Mesafeli Sözleşmeler Yönetmeliği, article 9). The money is due within 14 days of being told
(article 13(1) of the directive) and may be withheld until the goods are back (article 13(3)); all
of it, with the standard delivery, when the whole order goes back. Who pays for sending it back is
the trader's to say (article 14(1)). Rules may be kinder than the law; a shop answers for others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.endings import iso
from domain.errors import Refused


class Reason(StrEnum):
    """Why a customer sends something back."""

    UNWANTED = "unwanted"
    DOES_NOT_FIT = "does_not_fit"
    WRONG_ITEM = "wrong_item"
    DAMAGED = "damaged"
    NOT_AS_DESCRIBED = "not_as_described"
    ARRIVED_LATE = "arrived_late"
    OTHER = "other"


class Decides(StrEnum):
    """What a rule does with a request."""

    APPROVE = "approve"
    ASK_PERSON = "ask_person"
    DECLINE = "decline"


CARRIER, DROP_OFF = "carrier", "drop_off"
SHOP, CUSTOMER = "shop", "customer"
ORIGINAL, STORE_CREDIT = "original", "store_credit"
# When goods in exchange leave: with what comes back at a carrier, or accepted.
ON_HANDOVER, ON_RECEIPT = "on_handover", "on_receipt"


@dataclass(frozen=True)
class ReturnRule:
    """What is done with units that shall come back. Empty `country`, `category`, `reason`: any.

    `window` and `expires_after` in seconds, `window` None is the shop's; `fee` in minor units of
    `currency`: the rule fits orders in that currency only.
    """

    decides: Decides
    label: str = CARRIER
    shipping_paid_by: str = SHOP
    fee: int = 0
    currency: str = ""
    refund_to: str = ORIGINAL
    expires_after: int = 1_209_600
    window: int | None = None
    country: str = ""
    category: str = ""
    reason: str = ""
    exchange_sent: str = ON_RECEIPT

    def fits(self, line: "Wanted", country: str, currency: str) -> bool:
        """Whether the rule is for such a line."""
        return (
            self.country in {"", country}
            and self.category in {"", line.category}
            and self.reason in {"", line.reason}
            and self.currency in {"", currency}
        )

    @property
    def general(self) -> bool:
        """Whether it fits every line."""
        return not (self.country or self.category or self.reason or self.currency)


@dataclass(frozen=True)
class Wanted:
    """Units of a line that the customer wants to send back."""

    line_id: str
    quantity: int
    reason: str
    category: str = ""


@dataclass(frozen=True)
class Decision:
    """What the rules say of a whole return; `why` names the rule of each line."""

    decides: Decides
    label: str
    shipping_paid_by: str
    fee: int
    refund_to: str
    expires_after: int
    why: Mapping[str, Any]
    exchange_sent: str = ON_RECEIPT


def decide(
    lines: Sequence[Wanted],
    rules: Sequence[ReturnRule],
    *,
    country: str,
    currency: str,
    age: float,
    window: float,
) -> Decision:
    """Find each line's rule (the first that fits) and put them together, kindly.

    One answer for all: a person is asked when the lines' rules do not agree. A label, if one line
    has one; the shop pays if it pays for one line; the smallest fee; money, unless all is credit;
    the longest time; what is sent in exchange leaves on hand-over when all rules say so. `age` is
    what has passed since the last delivery, `window` the shop's own, both in seconds.

    Raises:
        Refused: `return_window_over` for a line.

    """
    chosen: list[ReturnRule] = []
    told = []
    for line in lines:
        position, rule = next(
            (n, r) for n, r in enumerate(rules) if r.fits(line, country, currency)
        )
        limit = window if rule.window is None else rule.window
        if age > limit:
            raise Refused(
                "return_window_over",
                f"{line.line_id} could be sent back within {iso(int(limit))} of its delivery.",
                line_id=line.line_id,
                window=iso(int(limit)),
            )
        chosen.append(rule)
        told.append({"line_id": line.line_id, "rule": position, "decides": rule.decides.value})
    answers = {rule.decides for rule in chosen}
    decides = answers.pop() if len(answers) == 1 else Decides.ASK_PERSON
    by_carrier = any(rule.label == CARRIER for rule in chosen)
    by_shop = any(rule.shipping_paid_by == SHOP for rule in chosen)
    all_credit = all(rule.refund_to == STORE_CREDIT for rule in chosen)
    trusted = all(rule.exchange_sent == ON_HANDOVER for rule in chosen)
    return Decision(
        decides,
        CARRIER if by_carrier else DROP_OFF,
        SHOP if by_shop else CUSTOMER,
        min(rule.fee for rule in chosen),
        STORE_CREDIT if all_credit else ORIGINAL,
        max(rule.expires_after for rule in chosen),
        {"country": country, "lines": told, "decides": decides.value},
        ON_HANDOVER if trusted else ON_RECEIPT,
    )
