"""What clients send to have a workflow, or an agent written in Python, run without an epic."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, JsonValue, model_validator

from api.schemas import Body, Dollars, LabelName, LabelValue, Text

LONGEST_WAIT_S: Final = 60.0

VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]


class RunCreate(Body):
    """What a workflow is run on, or what is said to an agent; what is left out is as the server's settings and `genie.toml` say."""

    repo: Annotated[Text, Field(min_length=1, max_length=4_096)] | None = Field(
        default=None, description="A git URL, or an absolute path on the server; an agent written in Python may do without."
    )
    task: Annotated[Text, Field(max_length=20_000, description="What is to be done; what is about a change that is there needs none.")] = ""
    message: Annotated[Text, Field(max_length=20_000)] | None = Field(
        default=None, description="What is said to an agent: another word for `task`; give one of them."
    )
    session: Annotated[Text, Field(min_length=1, max_length=80)] | None = Field(
        default=None,
        description="The conversation that an agent's run goes on with: its id, or a name under which one begins; a new one if null.",
    )
    base: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="The branch that counts as the base; default: the repository's HEAD."
    )
    at: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="The branch, tag or commit that it starts from; default: the newest commit of the base branch."
    )
    variables: dict[VariableName, JsonValue] = Field(
        default_factory=dict, max_length=50, description="For the variables of the prompt, such as plan, review, guidance."
    )
    budget_usd: Dollars | None = None
    executor: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    model: Annotated[Text, Field(min_length=1, max_length=1_000)] | None = None
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="after")
    def _says_it_once(self) -> Self:
        if self.message is not None and self.task:
            message = "task and message are two words for the same: give one of them"
            raise ValueError(message)
        return self


class RunNow(RunCreate):
    """The same, and how long to wait for its end."""

    wait_s: Annotated[float, Field(ge=0, le=LONGEST_WAIT_S, strict=True, allow_inf_nan=False)] = 30.0
