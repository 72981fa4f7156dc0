"""What people type after `/genie`, or after a mention: a verb and what belongs to it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from epics.errors import InvalidInput
from epics.records import Record


class Verb(StrEnum):
    """What can be asked for."""

    START = "start"
    ASK = "ask"
    CHOOSE = "choose"
    STATUS = "status"
    APPROVALS = "approvals"
    SAY = "say"
    CANCEL = "cancel"
    RESUME = "resume"
    WHOAMI = "whoami"
    HELP = "help"


class Line(Record):
    """What was asked for; what does not belong to the verb is empty."""

    verb: Verb
    epic: str = ""
    text: str = ""
    repo: str | None = None
    base: str | None = None
    budget_usd: Decimal | None = None
    ask: str = ""
    agent: str | None = None
    part: int | None = None


HELP: Final = """\
`/genie start [--repo REPO] [--base BRANCH] [--budget USD] GOAL` starts an epic; without `--repo` on this channel's repository
`/genie ask [--repo REPO] [--agent NAME] [--budget USD] TEXT` finds agents for what you want, and answers in the channel
`/genie choose ASK [PART] AGENT` says who does a part of it, where that is not clear
`/genie status [EPIC]` shows an epic, or those at work and waiting
`/genie approvals` shows what waits for a decision
`/genie say EPIC TEXT` tells its agent something, word for word
`/genie cancel EPIC` · `/genie resume EPIC`
`/genie whoami` shows who you are to Genie
Mention me in a channel with a goal to start an epic, and in an epic's thread to tell its agent something."""

_VERB: Final = re.compile(r"\s*(\S+)\s*(.*)", re.DOTALL)
# A keyboard makes one dash of two.
_OPTION: Final = re.compile(r"(?:--|—|–)(?P<name>[a-z][a-z-]*)(?:=|\s+)(?P<value>\S+)(?:\s+|$)")  # those dashes
_LAST: Final = re.compile(r"\s(?:--|—|–)(repo|base|budget|agent)(?:=|\s+)\S+\s*$")  # as above
_OPTIONS: Final = {Verb.START: ("repo", "base", "budget"), Verb.ASK: ("repo", "base", "budget", "agent")}
_QUOTES: Final = {'"': '"', "“": "”", "'": "'"}
_ASK_ID: Final = re.compile(r"q-[0-9a-z]{1,10}")
_ID: Final = re.compile(r"e-[0-9a-z]*")
_LONGEST_NAME: Final = 4_096
_LARGEST_USD: Final = 1_000_000_000


def parsed(text: str) -> Line:
    """What was asked for by a command.

    Raises:
        InvalidInput: if it is not one; says how it is typed.
    """
    verb, rest = _split(text)
    if verb is None:
        message = f"there is no `{text.split(maxsplit=1)[0][:40]}`: type one of\n{HELP}"
        raise InvalidInput(message)
    match verb:
        case Verb.START | Verb.ASK:
            return _start(rest, verb)
        case Verb.CHOOSE:
            ask, _, chosen = rest.partition(" ")
            return _choice(ask, chosen)
        case Verb.SAY:
            if (said := _VERB.match(rest)) is None or not said[2].strip():
                raise InvalidInput("say to whom, and what: `/genie say EPIC TEXT`")
            return Line(verb=verb, epic=said[1], text=said[2])
        case Verb.CANCEL | Verb.RESUME:
            return Line(verb=verb, epic=_one_word(rest, verb))
        case Verb.STATUS:
            return Line(verb=verb, epic=_one_word(rest, verb) if rest else "")
        case _:
            return Line(verb=verb)


def meant(text: str) -> Line:
    """What a mention asks for: a command if it is one, else an epic with this goal.

    Raises:
        InvalidInput: if it could be both.
    """
    verb, rest = _split(text)
    if verb is None:
        return _start(text) if text.strip() else Line(verb=Verb.HELP)
    if (
        verb in {Verb.START, Verb.ASK, Verb.CHOOSE, Verb.SAY}
        or not rest
        or (verb in {Verb.STATUS, Verb.CANCEL, Verb.RESUME} and _ID.fullmatch(rest))
    ):
        return parsed(text)
    message = (
        f"that could be the command `{verb}`, or a goal that begins with the word: "
        f"mention me with `start` before the goal, or type `/genie {verb}{' EPIC' if verb in {Verb.CANCEL, Verb.RESUME} else ''}`"
    )
    raise InvalidInput(message)


def in_thread(text: str, epic: str) -> Line:
    """What a mention in an epic's thread asks for: a command word alone is about the epic, and all else is said to its agent."""
    word = text.strip().lower()
    if not word:
        return Line(verb=Verb.STATUS, epic=epic)
    if word in {Verb.STATUS, Verb.CANCEL, Verb.RESUME}:
        return Line(verb=Verb(word), epic=epic)
    if word in {Verb.APPROVALS, Verb.WHOAMI, Verb.HELP}:
        return Line(verb=Verb(word))
    return Line(verb=Verb.SAY, epic=epic, text=text)


def amount_in(text: str) -> Decimal:
    """An amount in US dollars, with or without its sign.

    Raises:
        InvalidInput: if it is none.
    """
    given = text.strip().removeprefix("$").removesuffix("$").strip()
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or not 0 < amount <= _LARGEST_USD:
        message = f"{text.strip()[:40]!r} is no amount in US dollars: type a number above 0, such as 2.50"
        raise InvalidInput(message)
    return amount


def _split(text: str) -> tuple[Verb | None, str]:
    match = _VERB.match(text)
    if match is None:
        return Verb.HELP, ""
    word = match[1].lower()
    return (Verb(word) if word in set(Verb) else None), match[2].strip()


def in_ask(text: str, ask: str) -> Line | None:
    """What a mention in the thread of a request asks for, if it is about that: who does a part."""
    word, _, rest = text.strip().partition(" ")
    return _choice(ask, rest) if word.lower() == Verb.CHOOSE else None


def _choice(ask: str, rest: str) -> Line:
    words = rest.split()
    part = int(words.pop(0)) if len(words) == 2 and words[0].isdecimal() and len(words[0]) < 4 else None  # noqa: PLR2004  # PART AGENT
    if not _ASK_ID.fullmatch(ask) or len(words) != 1:
        raise InvalidInput("say who does it: `/genie choose ASK [PART] AGENT`, or in the thread of the request `choose [PART] AGENT`")
    return Line(verb=Verb.CHOOSE, ask=ask, part=part, agent=words[0][:64])


def _start(rest: str, verb: Verb = Verb.START) -> Line:
    given: dict[str, str] = {}
    while (option := _OPTION.match(rest)) is not None:
        if option["name"] not in _OPTIONS[verb]:
            names = ", ".join(f"--{name}" for name in _OPTIONS[verb][:-1]) + f" and --{_OPTIONS[verb][-1]}"
            raise InvalidInput(f"there is no option `--{option['name'][:40]}`: there are {names}; a goal may stand in quotes")
        given[option["name"]] = option["value"][:_LONGEST_NAME]
        rest = rest[option.end() :]
    goal = rest.strip()
    quote = _QUOTES.get(goal[:1])
    # Around the whole of it: two words that are each in quotes keep them.
    if quote is not None and len(goal) > 1 and goal.endswith(quote) and not {goal[0], quote}.intersection(goal[1:-1]):
        goal = goal[1:-1]
    elif _LAST.search(f" {goal}"):
        raise InvalidInput(f"options stand before the goal: `/genie {verb} --repo REPO GOAL`; put the goal in quotes if they belong to it")
    if not goal.strip():
        raise InvalidInput(f"the goal is missing: `/genie {verb} Say in a sentence what should be different`")
    budget = amount_in(given["budget"]) if "budget" in given else None
    return Line(verb=verb, text=goal, repo=given.get("repo"), base=given.get("base"), budget_usd=budget, agent=given.get("agent"))


def _one_word(rest: str, verb: Verb) -> str:
    if not rest or len(rest.split()) != 1:
        raise InvalidInput(f"name one epic: `/genie {verb} EPIC`; the beginning of its id is enough")
    return rest
