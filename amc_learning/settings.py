"""Every knob of the system, typed, with its default and its reason.

Values come from, first wins: arguments (tests), environment (`AMC_LEARNING_WEIGHTS__DAILY_LIMIT=0.05`), one TOML file
(`amc_learning.toml` in the working directory, or the file named by `AMC_LEARNING_CONFIG`), the defaults below.
Belongs here: names, types, bounds, defaults. Not here: anything that reads a file of ours or computes.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from amc_learning.configuration import refuse_unusable_variables, toml_source
from amc_learning.intake.instants import TimeRules
from amc_learning.intake.payload import MAX_PAYLOAD_BYTES
from amc_learning.operator_settings import Alerts, Logs, Retention, Section

Fraction = Annotated[float, Field(ge=0, le=1)]


class Features(Section):
    """The feature set: which component scores there are and what discovery weighs them with by default.

    The six components of AlphaStack are the default; any other named set works the same way.
    """

    name: str = Field("alphastack", description="Name of the feature set, shown in documents.")
    default_weights: dict[str, Fraction] = Field(
        default={
            "volume_momentum": 0.30,
            "squeeze": 0.25,
            "catalyst": 0.20,
            "sentiment": 0.10,
            "options": 0.08,
            "technical": 0.07,
        },
        description="Weights discovery starts from, in order; they sum to 1.",
    )

    @property
    def components(self) -> tuple[str, ...]:
        """Component names in the order of the feature set."""
        return tuple(self.default_weights)

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        total = sum(self.default_weights.values())
        if len(self.default_weights) < 2 or abs(total - 1) > 1e-9:
            msg = f"features.default_weights needs at least two components that sum to 1; these sum to {total:.6f}"
            raise ValueError(msg)
        for name in self.default_weights:
            if not name.isidentifier() or name == "total_score":
                msg = f"features.default_weights: {name!r} cannot name a component; use letters, digits and underscores"
                raise ValueError(msg)
        return self


class Market(Section):
    """Where the market trades. Knowledge days are US/Eastern weekdays by contract, not by setting."""

    exchange: str = Field("XNYS", description="Exchange calendar code; decides which days are sessions.")
    bars_source: Literal["files", "collector", "polygon"] = Field(
        "files",
        description="Where a night takes bars from besides those sent in: files in data_dir/inbox/bars, nowhere else "
        "(collector), or the vendor.",
    )


class Polygon(Section):
    """The vendor of market data, used when market.bars_source is polygon."""

    base_url: str = Field("https://api.polygon.io", description="Address; Massive, its new name, answers alike.")
    api_key: SecretStr | None = Field(
        None, description="The key; keep it in the environment: AMC_LEARNING_POLYGON__API_KEY."
    )
    requests_per_minute: int = Field(5, ge=1, description="Requests the plan allows in any minute; the free one 5.")
    timeout_seconds: float = Field(30.0, gt=0, description="Longest wait for a connection or the next piece of it.")
    max_attempts: int = Field(6, ge=1, description="Times one page is asked for before the night gives up.")

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            # without the value, which may hold a key
            msg = "polygon.base_url must be like https://host, without a key or a question mark"
            raise ValueError(msg)
        return address


class Collection(Section):
    """What is accepted at the door."""

    naive_timezone: str = Field("America/New_York", description="Time zone of timestamps that name none.")
    max_clock_skew_minutes: int = Field(60, ge=0, description="Later than this after receipt is a date in the future.")
    max_candidates: int = Field(5000, gt=0, description="Candidates plus controls one discovery result may hold.")
    trade_ready_score: float = Field(75.0, description="Total score from which discovery tags trade_ready.")
    watchlist_score: float = Field(70.0, description="Total score from which discovery tags watchlist.")

    @property
    def time_rules(self) -> TimeRules:
        """How the times of senders are read."""
        return TimeRules(
            naive_timezone=self.naive_timezone, max_clock_skew=timedelta(minutes=self.max_clock_skew_minutes)
        )

    @field_validator("naive_timezone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            msg = f"{name!r} is no time zone; use an IANA name such as America/New_York or UTC"
            raise ValueError(msg)
        return name


class Outcomes(Section):
    """What counts as the outcome of a decision."""

    horizons: dict[str, Annotated[int, Field(ge=1, le=252)]] = Field(
        default={"1d": 1, "7d": 5, "30d": 21},
        description="Horizon name to exchange sessions counted from the entry session: 7 calendar days are 5 sessions.",
    )
    entry: Literal["next_open", "decision_close"] = Field(
        "next_open", description="Entry price: open of the first session after the decision, or close of its session."
    )
    winner_return: float = Field(0.25, gt=0, description="Forward return from which a decision is a winner.")
    loser_return: float = Field(-0.10, lt=0, description="Forward return down to which a decision is a loser.")


class Analysis(Section):
    """Windows of the correlation, threshold and selection tables."""

    window_days: int = Field(90, ge=30, description="Calendar days of knowledge the tables look back over.")
    threshold_min_coverage: Fraction = Field(0.05, description="Smallest share of pairs a threshold may leave.")


class Weights(Section):
    """How far and on what evidence the weights may move."""

    daily_limit: Fraction = Field(
        0.10, gt=0, description="Largest change of one weight against the previous knowledge day."
    )
    cap: Fraction = Field(0.60, description="Largest weight of one component.")
    evidence_horizon: str = Field("1d", description="Horizon whose returns decide; longer ones may veto.")
    evidence_windows_days: tuple[Annotated[int, Field(ge=30)], ...] = Field(
        (90, 365, 1095),
        min_length=1,
        description="Time scales at which an improvement is looked for; the error is split over them.",
    )
    yearly_false_change_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Chance that pure noise moves a weight within a year of nightly looks."
    )
    top_k: int = Field(10, ge=1, description="Size of the list whose success rate and return are promised.")


class Theses(Section):
    """What makes a thesis right, and how confidence is calibrated."""

    horizon: str = Field("7d", description="Horizon at which theses are judged and calibrated.")
    band: Fraction = Field(0.05, gt=0, description="Return that HOLD must stay within.")
    buy_more_above: float | None = Field(None, description="Return BUY_MORE must exceed; none: the band.")
    trim_below: float = Field(0.0, description="Return TRIM must stay below.")
    liquidate_below: float | None = Field(None, description="Return LIQUIDATE must stay below; none: minus the band.")
    calibration_window_days: int = Field(
        1095, ge=90, description="Calendar days of judged theses the calibration maps rest on."
    )


class Regimes(Section):
    """Market regimes and what works in them."""

    performance_window_days: int = Field(1095, ge=90, description="Calendar days the table of performance covers.")


class Failures(Section):
    """When failures are systematic."""

    window_days: int = Field(30, ge=7, description="Calendar days in which failures are counted.")
    min_failures: int = Field(3, ge=2, description="Failures of one pattern in the window before it is looked at.")
    high_confidence: Fraction = Field(
        0.7, description="Confidence from which a wrong thesis is a failure; below it, nobody promised much."
    )


class Corrections(Section):
    """What is done about systematic failures."""

    expires_after_days: int = Field(30, ge=1, description="Calendar days until a correction ends unless renewed.")


class Publication(Section):
    """The mode each document that acts on other systems begins in; later orders of a person stand above it."""

    weights_mode: Literal["active", "shadow"] = Field(
        "active", description="Mode of the weights until the first amc-learning promote or demote."
    )
    confidence_mode: Literal["active", "shadow"] = Field("active", description="The same of the confidence.")
    corrections_mode: Literal["active", "shadow"] = Field("active", description="The same of the corrections.")


class Weekly(Section):
    """What the weekly deep correction looks at."""

    horizon: str = Field("7d", description="Horizon of the returns that patterns, importance and models are about.")
    window_days: int = Field(1095, ge=90, description="Calendar days of knowledge it looks back over.")


class Service(Section):
    """The HTTP service: where it listens, and how much it takes at once."""

    host: str = Field("127.0.0.1", description="Address to listen on; any but loopback needs API keys.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    allows_without_keys: bool = Field(
        False, description="Serve without API keys on an address that is not loopback: only behind a proxy that checks."
    )
    max_body_bytes: int = Field(MAX_PAYLOAD_BYTES, ge=1024, description="Largest body that is read.")
    max_waiting_events: int = Field(
        2_000, ge=1, description="Events received and not yet durable; beyond it senders are asked to come back."
    )
    max_waiting_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Bytes of bodies being read or waiting; beyond it the same."
    )
    header_timeout_seconds: float = Field(10.0, gt=0, description="How long the headers of a request may take.")
    body_timeout_seconds: float = Field(30.0, gt=0, description="How long the body of a request may take.")
    requests_per_second: int | None = Field(
        None, ge=1, description="Requests of one key or address; none: 200 beyond loopback, unlimited on it."
    )
    dagster_url: str | None = Field(
        "http://127.0.0.1:3000", description="Address of Dagster's UI, for links on the dashboard; none: no links."
    )
    refresh_seconds: int = Field(30, ge=5, description="How often an open dashboard loads itself again.")


class Automation(Section):
    """Schedules and sensors."""

    daily_schedule_is_on: bool = Field(False, description="Start the nightly schedule when Dagster first loads it.")
    inbox_sensor_is_on: bool = Field(False, description="Start the inbox sensor when Dagster first loads it.")
    failure_sensor_is_on: bool = Field(False, description="Start the failure sensor when Dagster first loads it.")
    alert_sensor_is_on: bool = Field(
        False, description="Start alerts about failed runs and changes of regime when Dagster first loads them."
    )
    daily_hour: int = Field(0, ge=0, le=23, description="Hour (market time) of the nightly cycle.")
    daily_minute: int = Field(30, ge=0, le=59, description="Minute of the nightly cycle.")
    inbox_poll_seconds: int = Field(300, ge=30, description="Shortest time between two looks into the inbox.")
    failure_poll_seconds: int = Field(300, ge=30, description="Shortest time between two looks for failures.")
    tidy_schedule_is_on: bool = Field(False, description="Start the tidy schedule when Dagster first loads it.")
    docs_url: str | None = Field(
        None, description="Address of the documentation site, for links in Dagster's UI; none: files are named."
    )
    code_location: str = Field(
        "amc_learning.definitions",
        description="Name of Dagster's code location, where the daemon finds the workers of a backfill.",
    )
    weekly_schedule_is_on: bool = Field(False, description="Start the weekly schedule when Dagster first loads it.")
    weekly_hour: int = Field(6, ge=0, le=23, description="Hour (market time) of the weekly cycle on Saturday.")
    weights_due_hour: int = Field(6, ge=1, le=23, description="Hour by which the night's weights must be published.")


class Settings(BaseSettings):
    """All settings. `Settings()` reads environment and TOML; `Settings(data_dir=...)` overrides for one use."""

    model_config = SettingsConfigDict(
        env_prefix="AMC_LEARNING_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,  # a key put into the wrong place must not reach a log
    )

    data_dir: Path = Field(Path("data"), description="The one folder everything is kept in.")
    inbox_url: str | None = Field(None, description="Database URL of the event inbox; default SQLite under data_dir.")
    warehouse_url: str | None = Field(
        None,
        description="Where tables and published documents lie: s3://BUCKET/PREFIX; default data_dir. Endpoint, region "
        "and credentials by the usual AWS_ variables.",
    )
    turns: Literal["files", "database"] | None = Field(
        None,
        description="What makes writers take turns: locks on files, or of the inbox's PostgreSQL server for a data_dir "
        "that several machines share; default files, and database with a warehouse_url.",
    )
    features: Features = Features()
    market: Market = Market()
    polygon: Polygon = Polygon()
    collection: Collection = Collection()
    outcomes: Outcomes = Outcomes()
    analysis: Analysis = Analysis()
    weights: Weights = Weights()
    theses: Theses = Theses()
    regimes: Regimes = Regimes()
    failures: Failures = Failures()
    corrections: Corrections = Corrections()
    publication: Publication = Publication()
    weekly: Weekly = Weekly()
    alerts: Alerts = Alerts()
    logs: Logs = Logs()
    retention: Retention = Retention()
    service: Service = Service()
    automation: Automation = Automation()

    @property
    def places(self) -> dict[str, str | None]:
        """Where things lie besides `data_dir`, as `Warehouse.open` takes it."""
        return {"inbox_url": self.inbox_url, "warehouse_url": self.warehouse_url, "turns": self.turns}

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if self.weights.evidence_horizon not in self.outcomes.horizons:
            msg = (
                f"weights.evidence_horizon {self.weights.evidence_horizon!r} is not one of outcomes.horizons "
                f"({', '.join(self.outcomes.horizons)})"
            )
            raise ValueError(msg)
        if self.theses.horizon not in self.outcomes.horizons:
            msg = (
                f"theses.horizon {self.theses.horizon!r} is not one of outcomes.horizons "
                f"({', '.join(self.outcomes.horizons)})"
            )
            raise ValueError(msg)
        if self.weekly.horizon not in self.outcomes.horizons:
            msg = (
                f"weekly.horizon {self.weekly.horizon!r} is not one of outcomes.horizons "
                f"({', '.join(self.outcomes.horizons)})"
            )
            raise ValueError(msg)
        heaviest = max(self.features.default_weights.values())
        if heaviest > self.weights.cap or self.weights.cap * len(self.features.components) < 1:
            msg = f"weights.cap {self.weights.cap} leaves no room for features.default_weights (largest {heaviest})"
            raise ValueError(msg)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before environment before the TOML file; no dotenv, no secrets folder."""
        del dotenv_settings, file_secret_settings
        refuse_unusable_variables(settings_cls.model_fields, os.environ)
        return init_settings, env_settings, toml_source(settings_cls)
