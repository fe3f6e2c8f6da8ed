"""Settings that would do harm are refused when a process starts, by name."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

import settings
from settings import Settings

DURATIONS = [name for name, field in Settings.model_fields.items() if field.annotation is timedelta]


@pytest.mark.parametrize("name", DURATIONS)
def test_no_duration_is_negative_or_leads_out_of_the_calendar(name: str) -> None:
    for wrong in (timedelta(seconds=-1), timedelta(days=1_000_000)):
        with pytest.raises(ValidationError, match=name):
            Settings(**{name: wrong})  # type: ignore[arg-type]


def test_there_are_durations_to_bound() -> None:
    assert len(DURATIONS) > 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KERVAN_PURCHASE_CHASE_INTERVAL", "PT0S"),
        ("KERVAN_PURCHASE_CHASE_INTERVAL", "PT1S"),
        ("KERVAN_STEP_RETRY_INTERVAL", "PT0S"),
        ("KERVAN_DEMAND_WINDOW", "PT23H"),
        ("KERVAN_STOCK_HOLD", "PT2H"),
        ("KERVAN_PAYMENT_EXPIRY", "soon"),
    ],
)
def test_a_process_says_which_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    with pytest.raises(SystemExit) as left:
        settings.load()
    settings.load.cache_clear()
    assert left.value.code == 2
    assert name in capsys.readouterr().err


def test_zero_turns_off_what_may_be_turned_off() -> None:
    off = Settings(forecast_every=timedelta(), lot_expiry=timedelta())
    assert (off.forecast_every, off.lot_expiry) == (timedelta(), timedelta())
