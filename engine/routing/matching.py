"""Matching a part of a request to who may do it: a score that can be explained, and whether it is sure enough to go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from engine.routing.words import pairs, said, stem, stems
from epics.asks import Matched, Score, Skipped

OUTCOMES_WEIGH: Final = 0.2
LOAD_WEIGHS: Final = 0.02
"""For each run that is queued or at work."""
MOST_LOAD: Final = 0.1
LEAST_SCORE: Final = 0.3
"""A best score below it is a guess, and is asked about."""
LEAST_LEAD: Final = 0.08
"""So much the best is before the next, or it is asked about."""

_PRIOR_DONE: Final = 4.0
_PRIOR_FAILED: Final = 1.0
"""What an agent counts as having done before anybody saw it work: it takes some runs to say something about one."""
_OF_SKILLS: Final = 1.0
_OF_NAME: Final = 0.9
_OF_PHRASE: Final = 0.5
_OF_DESCRIPTION: Final = 0.3
_DEED: Final = 1.5
_PAIR: Final = 3.0
_ASIDE: Final = 0.5
"""How much of a request counts: the deed, the deed with what it is done to, and what is only mentioned, where any other word counts 1."""
_ENOUGH: Final = 1.5
"""So much of it must be known for a likeness to be trusted in full."""
_NO_DEED: Final = 0.5
"""How far a likeness is trusted where no word that is known here says what is to be done, such as in another language."""
_LIGHT: Final = frozenset(
    map(
        stem,
        """
    add bring build change check create do find fix generate get give handle look make put run set show turn update use
    write
    """.split(),  # noqa: SIM905  # a list of so many would have a line for each
    )
)

Token = tuple[str, ...]
"""A word, or the deed with a word that says what it is done to; without their endings."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Who may do a part, with what is known about it."""

    agent: str
    description: str
    skills: tuple[str, ...]
    done: int = 0
    failed: int = 0
    """How its runs on this repository ended lately."""
    load: int = 0
    """Runs that are queued or at work."""
    unavailable: str = ""
    """Why it can do nothing now; empty if it can."""


def match(text: str, candidates: Sequence[Candidate]) -> Matched:
    """Score who may do it; the choice is empty where the scores do not tell."""
    able = [candidate for candidate in candidates if not candidate.unavailable]
    skipped = tuple(Skipped(agent=candidate.agent, why=candidate.unavailable) for candidate in candidates if candidate.unavailable)
    likenesses = _likenesses(text, able)
    scores = sorted((_score(candidate, *likenesses[candidate.agent]) for candidate in able), key=lambda score: (-score.score, score.agent))
    choice, why = _choice(scores)
    return Matched(choice=choice, why=why, scores=tuple(scores), skipped=skipped)


def _choice(scores: Sequence[Score]) -> tuple[str | None, str]:
    if not scores:
        return None, "there is nobody who could do it"
    best, lead = scores[0], scores[0].score - scores[1].score if len(scores) > 1 else 1.0
    if best.score < LEAST_SCORE:
        return None, f"nobody fits well: {best.agent} comes first with {best.score:.2f}, and {LEAST_SCORE:.2f} would be enough"
    if lead < LEAST_LEAD:
        return None, f"{best.agent} ({best.score:.2f}) and {scores[1].agent} ({scores[1].score:.2f}) are too near to each other"
    return best.agent, f"{best.agent} fits best"


def _score(candidate: Candidate, likeness: float, words: tuple[str, ...]) -> Score:
    outcomes, load = outcomes_of(candidate.done, candidate.failed), -min(candidate.load * LOAD_WEIGHS, MOST_LOAD)
    return Score(
        agent=candidate.agent,
        score=round(likeness + outcomes + load, 4),
        likeness=round(likeness, 4),
        outcomes=round(outcomes, 4),
        load=round(load, 4),
        words=words,
        done=candidate.done,
        failed=candidate.failed,
        busy=candidate.load,
    )


def outcomes_of(done: int, failed: int) -> float:
    """What past runs add or take: nothing without any, and the more they are the more."""
    usual = _PRIOR_DONE / (_PRIOR_DONE + _PRIOR_FAILED)
    return OUTCOMES_WEIGH * ((done + _PRIOR_DONE) / (done + failed + _PRIOR_DONE + _PRIOR_FAILED) - usual)


def _likenesses(text: str, candidates: Sequence[Candidate]) -> Mapping[str, tuple[float, tuple[str, ...]]]:
    """How much of what agents know of the text each of them knows, from 0 to 1, and by which words.

    What many know says little, and what nobody knows says nothing: most of a request is about its own matter.
    """
    known = {candidate.agent: _known(candidate) for candidate in candidates}
    spread = Counter(token for tokens in known.values() for token in tokens)
    told = {token: weight for token, weight in _told(text).items() if token in spread}
    weights = {token: weight * log(1 + len(candidates) / spread[token]) for token, weight in told.items()}
    whole, trust = sum(weights.values()), min(1.0, sum(told.values()) / _ENOUGH)
    words = said(text)
    if words and (words[0].stem,) not in spread and not any(word.is_deed for word in words):
        trust *= _NO_DEED
    return {
        agent: (
            trust * sum(weight * tokens.get(token, 0.0) for token, weight in weights.items()) / whole if whole else 0.0,
            tuple(" ".join(token) for token in weights if token in tokens),
        )
        for agent, tokens in known.items()
    }


def _told(text: str) -> Mapping[Token, float]:
    """What a request says, and how much each of it counts."""
    words = said(text)
    tokens: dict[Token, float] = {(word.stem,): _ASIDE if word.is_aside else 1.0 for word in reversed(words)}
    tokens |= {(word.stem,): _DEED for word in words if word.is_deed}
    return {**tokens, **dict.fromkeys(pairs(words), _PAIR)}


def _known(candidate: Candidate) -> Mapping[Token, float]:
    """What an agent says that it can do, and how much each of it counts.

    A word such as "add" alone tells two agents not apart: in a skill of several words it counts with what is added only.
    """
    tokens: dict[Token, float] = {(word,): _OF_DESCRIPTION for word in stems(candidate.description) if word not in _LIGHT}
    tokens |= {(word,): _OF_NAME for word in stems(candidate.agent.replace("_", " "))}
    for skill in candidate.skills:
        words = stems(skill)
        if len(words) > 1:
            tokens |= {(word,): max(tokens.get((word,), 0.0), _OF_PHRASE) for word in words if word not in _LIGHT}
        else:
            tokens |= dict.fromkeys(((word,) for word in words), _OF_SKILLS)
        tokens |= dict.fromkeys(pairs(said(skill)), _OF_SKILLS)
    return tokens
