"""The tool that tells people something while the agent works."""

from __future__ import annotations

from pydantic import Field

from tools.context import ToolContext, needed
from tools.declaring import AgentTool, Arguments


class TellPeople(Arguments):
    """Arguments of tell_people."""

    text: str = Field(min_length=1, max_length=2_000, description="What they should know, in a few sentences of plain text.")


async def tell_people(context: ToolContext, arguments: TellPeople) -> str:
    """Show a note to the people of the epic or run."""
    is_new = await needed(context.people, "people who could be told").tell(context.call_id, arguments.text)
    return "told; nobody answers here" if is_new else "they were told that already"


TELL_PEOPLE = AgentTool(
    name="tell_people",
    description="Tell the people who watch this work something that they should know now. They cannot answer: go on by yourself.",
    permission="record",
    arguments=TellPeople,
    run=tell_people,
    category="communication",
    side_effect="outside",
    idempotency="keyed",
)
