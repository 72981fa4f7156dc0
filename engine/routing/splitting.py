"""Splitting a request into the parts that it asks for, by rules: lists, sentences that begin with what is to be done, and "then"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from epics.errors import InvalidInput

MOST_PARTS: Final = 10

VERBS: Final = frozenset(
    """
    adapt add adjust analyse analyze answer ask audit benchmark bring build bump change check clean collect compare
    convert count cover create critique debug delete deploy describe design disable document draft drop enable
    estimate examine explain extend extract find fix format generate give handle implement improve inspect introduce
    investigate judge let list look make measure merge migrate move name open optimise optimize outline plan port
    prepare profile propose prototype publish put read refactor release remove rename reorganise repair replace report
    reproduce restructure review rewrite run say search send set show simplify sketch sort speed split summarise
    summarize support tell test tidy translate try turn update upgrade use validate verify write
    """.split()  # noqa: SIM905  # a list of so many would have a line for each
)
"""Words with which people begin what they want done."""

_ITEM: Final = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t]+(?=\S)", re.MULTILINE)
_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
_THEN: Final = r"(?:and[ ]then|then|after[ ]that|after[ ]this|afterwards|finally|lastly|next|(?:when|once)[ ](?:that|this)[ ]is[ ]done)"
_FIRST_THEN: Final = re.compile(rf"(?:and\s+)?{_THEN}\b[\s,:]*", re.IGNORECASE | re.VERBOSE)
_POLITE: Final = re.compile(
    r"(?:and|also|please|first|firstly|secondly|thirdly|in addition|additionally|besides|meanwhile|in parallel|at the same time"
    r"|(?:can|could|would|will) you(?: please)?|i (?:want|would like|need) you to|you should|let's)\b[\s,:]*",
    re.IGNORECASE,
)
_INLINE_THEN: Final = re.compile(rf"(?:[,;]\s*|\s+)(?:and\s+)?{_THEN}\b[\s,:]*(?=(?P<verb>[a-z]+))", re.IGNORECASE | re.VERBOSE)
_INLINE_AND: Final = re.compile(r"(?:,\s*and\s+|\s+and\s+(?:also\s+)?|,\s*)(?=(?P<verb>[a-z]+)\b)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"|“[^“”\n]*”|\([^()\n]*\)", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]+")
_NO_IMPERATIVE: Final = frozenset({"is", "are", "was", "were", "has", "have", "had", "does", "should", "must", "can", "will", "fails"})
_POINTS_BACK: Final = frozenset({"it", "them", "that", "this", "these", "those", "its", "their", "so", "both"})
_CONDITIONS: Final = frozenset({"if", "when", "unless", "once", "because", "since", "while", "after", "before", "where", "although", "in"})
_FEWEST_WORDS: Final = 3
"""So many words has what stands for itself on either side of an "and"."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that is asked for; `needs` are the places, from 0, of those that must have ended before."""

    text: str
    needs: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Clause:
    text: str
    follows: bool
    """Whether it said so: what was asked for before comes first."""
    is_asked: bool
    """Whether it says what is to be done; if not, it belongs to what stands around it."""


def split(text: str) -> tuple[Part, ...]:
    """The parts of a request, in their order.

    Raises:
        InvalidInput: if there are too many.
    """
    before, clauses = _clauses(text.strip())
    context, asked = list(before), list[_Clause]()
    for clause in clauses:
        if clause.is_asked:
            asked.append(clause)
        elif asked:
            asked[-1] = _Clause(f"{asked[-1].text} {clause.text}", asked[-1].follows, is_asked=True)
        else:
            context.append(clause.text)
    if len(asked) <= 1:
        return (Part(text=text.strip()),)
    if len(asked) > MOST_PARTS:
        raise InvalidInput(f"the request has {len(asked)} parts; at most {MOST_PARTS} are done at once: ask for fewer")
    return _staged(" ".join(context), asked)


def _staged(context: str, asked: list[_Clause]) -> tuple[Part, ...]:
    """What says "then" waits for all of the stage before it; what stands behind it without a "then" is of its stage."""
    parts, stage, before = list[Part](), list[int](), tuple[int, ...]()
    for place, clause in enumerate(asked):
        if clause.follows and stage:
            before, stage = tuple(stage), []
        stage.append(place)
        parts.append(Part(text=f"{context} {clause.text}".strip(), needs=before))
    return tuple(parts)


def _clauses(text: str) -> tuple[list[str], list[_Clause]]:
    """What stands before a list, and what the list or the sentences ask for."""
    marks = list(_ITEM.finditer(_masked(text)))
    if len(marks) < 2:  # noqa: PLR2004  # one mark is no list
        return [], list(_of_sentences(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    items = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    before = text[: marks[0].start()].strip()
    listed = [clause for item in items for clause in _of_item(item)]
    return ([before], listed) if before.endswith(":") or not before else ([], [*_of_sentences(before), *listed])


def _of_item(item: str) -> Iterator[_Clause]:
    """An item is asked for whatever it begins with; only "then" splits it."""
    bare, said_then = _bare(item)
    for place, piece in enumerate(_cut(bare, _INLINE_THEN, follows=True)):
        yield _Clause(piece, place > 0 or said_then, is_asked=True)


def _of_sentences(text: str) -> Iterator[_Clause]:
    masked, start = _masked(text), 0
    for end in [*(match.start() for match in _SENTENCE.finditer(masked)), len(text)]:
        sentence, start = text[start:end].strip(), end
        if sentence:
            yield from _of_sentence(sentence)


def _of_sentence(sentence: str) -> Iterator[_Clause]:
    bare, said_then = _bare(sentence)
    if not _is_imperative(bare) or (_points_back(bare) and not said_then):
        yield _Clause(sentence, follows=False, is_asked=False)
        return
    for n, step in enumerate(_cut(bare, _INLINE_THEN, follows=True)):
        for m, piece in enumerate(_cut(step, _INLINE_AND, follows=False)):
            yield _Clause(piece, follows=m == 0 and (n > 0 or said_then), is_asked=True)


def _cut(text: str, at: re.Pattern[str], *, follows: bool) -> Iterator[str]:
    """The text in pieces, cut where what follows says what is to be done; quotations are not looked into."""
    masked, start = _masked(text), 0
    for match in at.finditer(masked):
        left, right = text[start : match.start()], text[match.end() :]
        if match.start() < start or match["verb"].lower() not in VERBS or not (follows or _stand_alone(left, right)):
            continue
        if left.strip(" ,;."):
            yield left.strip(" ,;")
        start = match.end()
    yield text[start:].strip(" ,;")


def _stand_alone(left: str, right: str) -> bool:
    """Whether both sides of an "and" are whole: "find and fix the bug" is one thing, and so is "write it and test it"."""
    here = re.split(r"\sand\s|,", right, maxsplit=1)[0]
    last = re.split(r"\band\b|,", left)[-1].lower().split()
    if last and last[0] in _CONDITIONS:
        return False  # "…, if it fails, fix it": what comes is what is to be done then
    return len(left.split()) >= _FEWEST_WORDS and len(here.split()) >= _FEWEST_WORDS and not _points_back(here)


def _bare(text: str) -> tuple[str, bool]:
    """The text without what only leads in, and whether that said "then"."""
    follows = False
    while True:
        if then := _FIRST_THEN.match(text):
            text, follows = text[then.end() :], True
        elif polite := _POLITE.match(text):
            text = text[polite.end() :]
        else:
            return text.strip(), follows


def _is_imperative(text: str) -> bool:
    words = [word.lower() for word in _WORD.findall(text)[:4]]
    return bool(words) and words[0] in VERBS and not _NO_IMPERATIVE.intersection(words[1:])


def _points_back(text: str) -> bool:
    return bool(_POINTS_BACK.intersection(word.lower() for word in _WORD.findall(text)[1:3]))


def _masked(text: str) -> str:
    """As long as the text, with nothing in quotations, code and brackets that could be taken for a place to cut."""
    return _QUOTED.sub(lambda match: "x" * len(match[0]), text)
