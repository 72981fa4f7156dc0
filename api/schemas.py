"""What clients send. What they get are the views of the engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from epics.approvals import Choice
from epics.going_back import Level
from epics.policy import Autonomy
from epics.races import FEWEST, MOST

LARGEST_INT: Final = 2_147_483_647
"""Of PostgreSQL's integers, which number moments, attempts and events."""

_MOST_LABELS: Final = 50
_SURROGATES: Final = ("\ud800", "\udfff")


def _storable(text: str) -> str:
    if "\0" in text:
        message = "there is a NUL character in it, which no text has: remove it"
        raise ValueError(message)
    if any(_SURROGATES[0] <= char <= _SURROGATES[1] for char in text):
        message = "there is half of a surrogate pair in it, which no text has: remove it"
        raise ValueError(message)
    return text


Text = Annotated[str, AfterValidator(_storable)]
Dollars = Annotated[
    Decimal, Field(ge=Decimal("0.000001"), le=1_000_000_000, decimal_places=9, description="US dollars; a decimal string or a number.")
]
Number = Annotated[int, Field(ge=1, le=LARGEST_INT, strict=True)]
LabelName = Annotated[Text, Field(min_length=1, max_length=100)]
LabelValue = Annotated[Text, Field(max_length=500)]


class Body(BaseModel):
    """The base of what is sent: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EpicCreate(Body):
    """What to start; what is left out is as the server's settings and the repository's `genie.toml` say."""

    goal: Annotated[Text, Field(min_length=1, max_length=20_000, description="What should be different when the epic is done.")]
    repo: Annotated[Text, Field(min_length=1, max_length=4_096, description="A git URL, or an absolute path on the server.")]
    base: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="The branch to start from and merge into; default: the repository's HEAD."
    )
    budget_usd: Dollars | None = None
    executor: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    model: Annotated[Text, Field(min_length=1, max_length=1_000)] | None = None
    autonomy: Autonomy | None = Field(default=None, description="Who decides after a failed attempt: auto or ask.")
    auto_approve: bool = Field(default=False, strict=True, description="Approve plan and merge without asking; failures still ask.")
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=_MOST_LABELS)
    attempts: Annotated[int, Field(ge=FEWEST, le=MOST, strict=True)] | None = Field(
        default=None, description="How often the plan is carried out side by side, as forks; the best work is picked. null: once."
    )


class ResumeBody(Body):
    """How to go on."""

    auto_approve: bool | None = Field(default=None, strict=True, description="As at the start; null leaves it as it is.")


class CancelBody(Body):
    """Why it ends."""

    reason: Annotated[Text, Field(max_length=2_000)] = ""


class SayBody(Body):
    """What a person says to the agent of an epic."""

    text: Annotated[Text, Field(min_length=1, max_length=10_000, description="What the agent reads, word for word.")]


class NameBody(Body):
    """What a moment is called."""

    name: Annotated[
        Text, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="One word of small letters, digits, dots, dashes; not a number.")
    ]


class RollbackBody(Body):
    """Where to go back to, and how far it reaches."""

    to: Annotated[int, Field(ge=0, le=LARGEST_INT, strict=True)] | None = Field(
        default=None, description="The moment; 0 is where the epic began. Level step does without it: it goes to before the last step."
    )
    level: Level | None = Field(default=None, description="Default: full to a moment, else step.")
    guidance: Annotated[Text, Field(max_length=20_000, description="What the next agent reads, word for word.")] = ""
    dry_run: bool = Field(default=False, strict=True, description="Only say what would change.")


class UndoBody(Body):
    """How the last rollback is taken back."""

    dry_run: bool = Field(default=False, strict=True, description="Only say what would change.")


class ForkBody(Body):
    """From where a new epic is made; what is left out is as in the epic that it comes from."""

    at: Annotated[int, Field(ge=0, le=LARGEST_INT, strict=True, description="The moment; 0 is where the epic began.")]
    guidance: Annotated[Text, Field(max_length=20_000, description="What the next agent reads, word for word.")] = ""
    budget_usd: Dollars | None = None
    executor: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    model: Annotated[Text, Field(min_length=1, max_length=1_000)] | None = None
    autonomy: Autonomy | None = None
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=_MOST_LABELS)


class PickBody(Body):
    """Which attempt of a race is picked."""

    fork: Annotated[Text, Field(min_length=1, max_length=64, description="The epic in which it was made, or its number.")]


class DecisionBody(Body):
    """What is decided, and about what."""

    decision: Choice
    comment: Annotated[Text, Field(max_length=20_000, description="What the next agent reads, word for word.")] = ""
    to: Number | None = Field(default=None, description="The moment that a rollback goes to.")
    amount_usd: Dollars | None = Field(default=None, description="By how much a raise lifts the limit.")
    content_hash: Annotated[Text, Field(max_length=200)] | None = Field(
        default=None, description="Of what was looked at; if that has changed, the decision is refused as superseded."
    )


StatusName = Literal["queued", "running", "waiting", "paused", "merged", "rejected", "failed", "cancelled"]
