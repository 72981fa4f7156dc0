"""What clients send about keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Body, Text
from epics.roles import EVERYWHERE, Role

_DAY_S = 86_400


class GrantBody(Body):
    """A role on the repositories that fit a pattern."""

    role: Role
    repo: Annotated[
        Text, Field(min_length=1, max_length=4_096, description="`*` stands for anything but a slash, `**` for anything; default: all.")
    ] = EVERYWHERE


class KeyCreate(Body):
    """What a key is worth, and for how long."""

    name: Annotated[Text, Field(min_length=1, max_length=200, description="What it is for.")]
    grants: Annotated[list[GrantBody], Field(min_length=1, max_length=100, description="No more than its person has.")]
    person: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Who asks with it; default: who makes it."
    )
    lasts_s: Annotated[int, Field(ge=1, le=3_650 * _DAY_S, strict=True)] | None = Field(
        default=None, description="Seconds until it expires; null: never."
    )


class RotateBody(Body):
    """How long the secret so far still holds."""

    grace_s: Annotated[int, Field(ge=0, le=30 * _DAY_S, strict=True, description="Seconds; default: a day.")] = _DAY_S
