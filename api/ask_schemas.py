"""What clients send to ask for something in free words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Body, Dollars, LabelName, LabelValue, Text

AgentName = Annotated[Text, Field(min_length=1, max_length=64)]


class AskCreate(Body):
    """A request; what is left out is as the server's settings and the repository's `genie.toml` say."""

    text: Annotated[Text, Field(min_length=1, max_length=20_000, description="What is asked for; it may be several things.")]
    repo: Annotated[Text, Field(min_length=1, max_length=4_096)] | None = Field(
        default=None, description="A git URL, or an absolute path on the server; null for what needs none."
    )
    base: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="The branch that counts as the base; default: the repository's HEAD."
    )
    agent: AgentName | None = Field(default=None, description="Who is to do all of it, whatever the scores say; epic for all of the way.")
    budget_usd: Dollars | None = Field(default=None, description="What all parts together may cost.")
    executor: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    model: Annotated[Text, Field(min_length=1, max_length=1_000)] | None = None
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict, max_length=49)


class ChoiceBody(Body):
    """Who does a part for which the scores did not tell."""

    agent: AgentName = Field(description="One of those whom the part's scores name, or another.")
    part: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        default=None, description="The number of the part; null for all that wait for a choice."
    )
