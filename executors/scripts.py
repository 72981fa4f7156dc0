"""Scripts for agents without a model: what they say, do and hand back, chosen only by what the order shows."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from epics.errors import InvalidInput


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Part):
    """One call of a tool."""

    tool: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)


class Edit(_Part):
    """One place in a file that is changed."""

    path: str
    old: str
    new: str


class PlayTurn(_Part):
    """One answer: some words, then calls of tools, or the output that ends the run, or a way to fail."""

    say: str = ""
    write: Mapping[str, str] = Field(default_factory=dict, description="Files to write: path and whole content.")
    edit: tuple[Edit, ...] = ()
    delete: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    calls: tuple[Call, ...] = Field(default=(), description="Calls of any tool, after the ones above.")
    output: Mapping[str, Any] | None = None
    ends: bool = Field(default=False, description="The words alone are the answer, in a conversation.")
    fail: Literal["turns", "timeout", "error", "budget", "no_output"] | None = None
    input_tokens: int = Field(default=1_200, ge=0)
    output_tokens: int = Field(default=300, ge=0)
    when_results_contain: str = Field(default="", description="Only if the results of the turn before have this text in them.")
    instead: tuple[PlayTurn, ...] = Field(default=(), description="Tried first, in order; the first whose condition holds is played.")

    @model_validator(mode="after")
    def _ends_or_goes_on(self) -> Self:
        if self.output is None and self.fail is None and not self.all_calls and not (self.ends and self.say):
            message = "a turn needs an output, a way to fail, or something to do"
            raise ValueError(message)
        return self

    @property
    def all_calls(self) -> tuple[Call, ...]:
        """Everything that the turn does, as calls of tools, in order."""
        return (
            *(Call(tool="write_file", arguments={"path": path, "content": content}) for path, content in self.write.items()),
            *(Call(tool="edit_file", arguments=edit.model_dump()) for edit in self.edit),
            *(Call(tool="run_command", arguments={"command": f"rm -- '{path}'"}) for path in self.delete),
            *(Call(tool="run_command", arguments={"command": command}) for command in self.run),
            *self.calls,
        )

    def given(self, results: str) -> PlayTurn:
        """Return the turn to play after these results."""
        return next((turn for turn in self.instead if turn.when_results_contain in results), self)


class Play(_Part):
    """What an agent does in one run of a workflow, and when."""

    workflow: str
    when_brief_contains: str = ""
    when_tree_has: Mapping[str, str] = Field(default_factory=dict, description="Paths, each with a text that must stand in the file.")
    when_tree_lacks: Mapping[str, str] = Field(default_factory=dict, description="Paths, each with a text that must not stand there.")
    turns: tuple[PlayTurn, ...] = Field(min_length=1)

    def fits(self, workflow: str, brief: str, tree: Path | None) -> bool:
        """Say whether this play is the one for an order; without a tree its conditions on files are left out."""
        if workflow != self.workflow or self.when_brief_contains not in brief:
            return False
        return tree is None or (
            all(_stands_in(tree / path, text) for path, text in self.when_tree_has.items())
            and not any(_stands_in(tree / path, text) for path, text in self.when_tree_lacks.items())
        )


class Script(_Part):
    """Plays in the order in which they are considered: the first that fits an order is played."""

    plays: tuple[Play, ...] = Field(min_length=1)
    pause_s: float = Field(default=0.0, ge=0, description="Waited before each turn, so that there is time to watch, or to kill.")
    input_usd_per_million: Decimal = Field(default=Decimal(3), ge=0)
    output_usd_per_million: Decimal = Field(default=Decimal(15), ge=0)

    def play_for(self, workflow: str, brief: str, tree: Path | None = None) -> int | None:
        """Return the number of the play for an order; None if the script has none."""
        return next((number for number, play in enumerate(self.plays) if play.fits(workflow, brief, tree)), None)


def load_script(path: Path) -> Script:
    """Read a script from a .toml or .json file.

    Raises:
        InvalidInput: if it cannot be read, or is not a script, naming the place.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return Script.model_validate(data)
    except OSError as exc:
        raise InvalidInput(f"the script {path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"the script {path} is not {path.suffix.lstrip('.') or 'JSON'}: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidInput(f"the script {path} does not fit at {'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def _stands_in(path: Path, text: str) -> bool:
    return path.is_file() and text in path.read_text(encoding="utf-8", errors="replace")
