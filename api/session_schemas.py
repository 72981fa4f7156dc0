"""What clients send about conversations, prompts and memories."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from api.run_schemas import VariableName
from api.schemas import Body, Dollars, Text

MemoryName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
AgentName = Annotated[Text, Field(min_length=1, max_length=64, description="The name of an agent written in Python.")]
SessionStatus = Literal["open", "closed"]


class SessionCreate(Body):
    """With whom, and about what."""

    agent: AgentName
    name: Annotated[Text, Field(min_length=1, max_length=80)] | None = Field(
        default=None, description="To find it again: the agent has one of each name on a repository, or of a person."
    )
    repo: Annotated[Text, Field(min_length=1, max_length=4_096)] | None = Field(
        default=None, description="A git URL, or an absolute path on the server; null: a conversation of one's own, about none."
    )


class SessionName(Body):
    """What a conversation is called."""

    name: Annotated[Text, Field(min_length=1, max_length=80)]


class SayInSession(Body):
    """What is said to the agent; what is left out is as the server's settings say."""

    text: Annotated[Text, Field(min_length=1, max_length=20_000)]
    variables: dict[VariableName, JsonValue] = Field(
        default_factory=dict, max_length=50, description="For the variables of the prompt; they go before all memories."
    )
    budget_usd: Dollars | None = None
    executor: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    model: Annotated[Text, Field(min_length=1, max_length=1_000)] | None = None


class MemoryPut(Body):
    """A value, and whose it is: of a repository, an agent or a session; the installation's if none is named."""

    name: MemoryName
    value: Annotated[Text, Field(max_length=20_000)]
    repo: Annotated[Text, Field(min_length=1, max_length=4_096)] | None = None
    agent: AgentName | None = None
    session: Annotated[Text, Field(min_length=1, max_length=80)] | None = None


class PromptCreate(Body):
    """The next version of what an agent is told first."""

    agent: AgentName
    status_key: Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Which of the agent's prompts.")] = "default"
    text: Annotated[Text, Field(min_length=1, max_length=100_000, description="A template with `{{variables}}`.")]
    variables: dict[MemoryName, Annotated[Text, Field(max_length=20_000)]] = Field(
        default_factory=dict, max_length=100, description="Values for variables that no memory gives."
    )
