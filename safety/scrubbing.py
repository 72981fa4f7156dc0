"""Taking secrets out of what leaves this machine: a wider net than that of `redact`, since nobody works on with what comes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from safety.secrets import MARK, Redactor

# From the telling part of a name on: what stands before it does not matter, and a search for it would take long.
_NAME: Final = (
    r"(?:(?:passw(?:or)?d|passphrase|secret|token|api_?-?key|access_?-?key|private_?-?key|credentials?|auth_?-?key)[A-Za-z0-9_.-]{0,40}"
    r"|(?-i:_KEY|_PWD|_PAT|_DSN))"
)
_IS: Final = r"""(?:\\*["'])?\s*(?:=>|:=|[:=])\s*"""
_LITERALS: Final = frozenset({"true", "false", "none", "null", "undefined", "nil"})

# A value in quotes may have spaces; one without ends where a shell, an env file, a query or a header ends it.
_ASSIGNED: Final = re.compile(
    rf"""(?i:(?P<name>{_NAME})(?P<is>{_IS}))"""
    r"""(?:(?P<quote>\\*["'])(?!(?P=quote))(?P<inside>.+?)(?P=quote)|(?P<bare>[^\s"'\\,;&()<>\[\]{}]+))"""
)
_IN_URL: Final = (
    re.compile(
        r"(?i)(?<=[?&;])((?:[a-z0-9_.-]{0,60}(?:token|key|secret|password|sig|signature|credential|auth|code|session)[a-z0-9_.-]{0,60})=)[^&#\s\"'\\]+"
    ),
    re.compile(r"(?i)(\bhttps?://)[^/@\s\"'\\]+(?=@)"),
)
_HEADERS: Final = (
    re.compile(r"(?im)((?:^|[\"'\s])(?:set-)?cookie[\\\"']*\s*:\s*[\\\"']*)(?![\s,}\]])[^\r\n\"'\\]+"),
    re.compile(r"(?i)(\b(?:proxy-)?authorization[\\\"']*\s*:\s*[\\\"']*)(?!(?:bearer|basic|token|digest)\s|[}\]])[^\s\"'\\,;]+"),
)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SENSITIVE: Final = re.compile(rf"(?i:[a-z0-9_.-]{{0,60}}{_NAME}|authorization|cookie|set-cookie)")


class Scrubber:
    """Takes secrets out of texts and of JSON, and counts them."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Keep the values that are known to be secret."""
        self._redactor = Redactor(known)
        self.found = 0
        """How many secrets were taken out."""

    def text(self, text: str) -> str:
        """Return `text` with a mark in place of each known secret, of what looks like one, and of what has the name of one."""
        before = text.count(MARK)
        clean = self._redactor.text(text)
        for shape in (*_IN_URL, *_HEADERS):
            clean = shape.sub(lambda found: found.group(1) + MARK, clean)
        clean = _ASSIGNED.sub(_without_value, clean)
        self.found += max(clean.count(MARK) - before, clean != text)
        return clean

    def json(self, value: Any) -> Any:  # any JSON
        """Return a JSON value with all its texts scrubbed, and with a mark for every text that has the name of a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self._named(name, inside) for name, inside in value.items()}
        if isinstance(value, Sequence):
            return [self.json(inside) for inside in value]
        return value

    def _named(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value and value != MARK and _SENSITIVE.fullmatch(name) and not _is_harmless(value):
            self.found += 1
            return MARK
        return self.json(value)


def _without_value(found: re.Match[str]) -> str:
    value = found["inside"] or found["bare"]
    # A number of JSON: it has quotes before the colon, and none of its own.
    is_number = found["bare"] is not None and found["is"][0] in "\\\"'" and _NUMBER.fullmatch(value) is not None
    if MARK in value or is_number or _is_harmless(value):
        return found[0]
    quote = found["quote"] or ""
    return f"{found['name']}{found['is']}{quote}{MARK}{quote}"


def _is_harmless(value: str) -> bool:
    """Whether a value can be no secret: a number, a word of a language, a variable that stands for one."""
    return value.lower() in _LITERALS or value.startswith("$") or re.fullmatch(r"\d{1,6}(?:\.\d+)?", value) is not None


def is_scrubbed(value: Any) -> bool:  # any JSON
    """Whether a secret was taken out of any text of a JSON value."""
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, Mapping):
        return any(is_scrubbed(inside) for inside in value.values())
    return isinstance(value, Sequence) and any(is_scrubbed(inside) for inside in value)


def same_but_for_secrets(scrubbed: Any, whole: Any) -> bool:  # any JSON
    """Whether two JSON values are the same, but that any text may stand in the second for each mark of the first."""
    if isinstance(scrubbed, str) and isinstance(whole, str) and MARK in scrubbed:
        return _stands_for(scrubbed.split(MARK), whole)
    if isinstance(scrubbed, Mapping) and isinstance(whole, Mapping):
        return scrubbed.keys() == whole.keys() and all(same_but_for_secrets(inside, whole[name]) for name, inside in scrubbed.items())
    if isinstance(scrubbed, list) and isinstance(whole, list):
        return len(scrubbed) == len(whole) and all(map(same_but_for_secrets, scrubbed, whole))
    return bool(scrubbed == whole)


def _stands_for(parts: list[str], whole: str) -> bool:
    """Whether the parts stand in a text in their order, the first at its beginning and the last at its end."""
    first, *between, last = parts
    if not whole.startswith(first) or len(whole) < len(first) + len(last) or not whole.endswith(last):
        return False
    at, end = len(first), len(whole) - len(last)
    for part in between:
        found = whole.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
