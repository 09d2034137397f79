"""What the documents share: no unknown fields, no NaN, the words for a state."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal["1.0"] = "1.0"
Status = Literal["active", "held", "insufficient_evidence", "rolled_back"]
Mode = Literal["active", "shadow"]
Recommendation = Literal["BUY_MORE", "HOLD", "TRIM", "LIQUIDATE"]


class Part(BaseModel):
    """Base of every part of a document: no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Part):
    """An estimate with its 95 % interval and its n; null where the evidence does not suffice."""

    estimate: float | None = Field(description="The measured number.")
    ci_low: float | None = Field(description="Lower end of the 95 % interval.")
    ci_high: float | None = Field(description="Upper end of the 95 % interval.")
    n: int = Field(description="Observations behind it.")


class Switched(Part):
    """A document that acts on other systems, or is only looked at."""

    mode: Mode = Field(
        "active", description="active: act on it. shadow: computed and judged in full, and nobody acts on it."
    )
    mode_since: date | None = Field(
        None, description="Knowledge day on which a person ordered the mode; null when it began in it."
    )
