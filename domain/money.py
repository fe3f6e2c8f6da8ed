"""Money as an integer of minor units and an ISO 4217 currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from domain.errors import CurrencyMismatch, UnknownCurrency

# Every integer that JavaScript and IEEE doubles carry exactly.
LARGEST_AMOUNT = 2**53 - 1


def _codes(text: str) -> list[str]:
    return text.split()


# ISO 4217 (List One, 2025-05): only the currencies whose minor unit is not a hundredth.
# tests/unit/test_money.py compares the whole table with the `iso4217` package.
_EXPONENTS = (
    dict.fromkeys(_codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"), 0)
    | dict.fromkeys(_codes("BHD IQD JOD KWD LYD OMR TND"), 3)
    | dict.fromkeys(_codes("CLF UYW"), 4)
)
_HUNDREDTHS = frozenset(
    _codes(
        """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
    GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP
    LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
    NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR
    ZMW ZWG
    """
    )
)


def exponent(currency: str) -> int:
    """Digits after the decimal point of `currency` (ISO 4217): 2 for TRY, 0 for JPY, 3 for KWD."""
    if currency in _HUNDREDTHS:
        return 2
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units (`12990` TRY is 129.90 lira). Never a float."""

    amount: int
    currency: str

    def __add__(self, other: Self) -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Self) -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other)

    def __bool__(self) -> bool:
        return self.amount != 0

    def decimal(self) -> str:
        """The amount as providers and people write it: `"129.90"`, `"500"` for yen."""
        digits = exponent(self.currency)
        if digits == 0:
            return str(self.amount)
        sign = "-" if self.amount < 0 else ""
        whole, part = divmod(abs(self.amount), 10**digits)
        return f"{sign}{whole}.{part:0{digits}d}"

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount


def zero(currency: str) -> Money:
    """Nothing, in `currency`."""
    return Money(0, currency)


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` over `weights` by largest remainder: integers that sum to `amount` exactly.

    With weights that are all zero the parts are as equal as integers allow. Ties go to the
    earlier part, so the same input always gives the same split.
    """
    if not weights:
        return []
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    sign = -1 if amount < 0 else 1
    shares = [divmod(abs(amount) * weight, total) for weight in weights]
    missing = abs(amount) - sum(whole for whole, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda i: (-shares[i][1], i))
    extra = set(by_remainder[:missing])
    return [sign * (whole + (i in extra)) for i, (whole, _) in enumerate(shares)]


def share_of_quantity(total: int, quantity: int, of: int) -> int:
    """What `quantity` of a line's `of` units are worth of its `total`, cumulatively.

    Rounds down, so that growing the quantity step by step never exceeds `total` and reaches it
    exactly at `quantity == of`.
    """
    return total * quantity // of if of else 0
