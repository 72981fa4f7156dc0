"""Keeping secrets out of what is stored, shown or sent: known values and well-known shapes become a mark."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

MARK = "[secret]"

SHORTEST = 8
"""A known secret shorter than this is not looked for: its value would be found all over ordinary text."""

#: Nor are passwords that everybody knows, which keep nothing secret: whole plans and paths would lose a word of theirs.
_EVERYBODYS: Final = frozenset(
    {
        *("12345678", "123456789", "1234567890", "administrator", "anonymous", "changeit", "changeme", "change-me", "change_me"),
        *("database", "development", "disabled", "letmein1", "localhost", "mysecretpassword", "passw0rd", "password", "password1"),
        *("password123", "postgres", "postgresql", "postgres1", "production", "qwertyuiop", "rabbitmq", "required", "root1234"),
        *("sa-password", "secret123", "supersecret", "superuser", "test1234", "testpassword", "testtest", "undefined", "username"),
    }
)

# Between a name and its value: also as a program writes it, or as JSON within JSON.
_IS: Final = r"""[\\"']*\s*[:=]\s*[\\"']*"""


class _Shape(NamedTuple):
    """What a kind of secret looks like."""

    name: str
    hints: tuple[str, ...]
    """One of these is in every such secret, small letters where `pattern` knows no capitals: a search for it costs next to nothing."""
    pattern: re.Pattern[str]
    kept: bool = False
    """Whether the first group of the pattern stays."""


_SHAPES: Final = (
    _Shape(
        "private key",
        ("private key-----",),
        # One that is cut off goes on as long as its lines do: text that only speaks of keys keeps what follows.
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
            r"(?:[^-]*(?:-(?!----)[^-]*)*-----END [A-Z ]*PRIVATE KEY-----"
            r"|(?:(?:\s|\\+[rn])+(?:[+>|:\d-]{1,8}[ \t]*)?(?:[A-Za-z0-9+/=]{20,}|[A-Z][A-Za-z-]+: ?[^\s\\]+))*"
            r"(?:(?:\s|\\+[rn])+[A-Za-z0-9+/=]+\Z)?)"
        ),
    ),
    _Shape("key of Genie", ("gk_",), re.compile(r"\bgk_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")),
    _Shape("provider key", ("sk-",), re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{16,}")),
    _Shape(
        "token of a git host",
        ("gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-"),
        re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"),
    ),
    _Shape("Slack token", ("xox", "xapp-"), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}")),
    _Shape("AWS key", ("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Shape("Google key", ("aiza",), re.compile(r"\bAIza[0-9A-Za-z_-]{30,}")),
    _Shape("JSON web token", (".ey",), re.compile(r"(?<![\w-])ey[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")),
    _Shape(
        "token",
        ("k_live_", "k_test_", "whsec_", "npm_", "hf_"),
        re.compile(r"\b(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,})"),
    ),
    _Shape(
        "access token",
        ("pypi-", "dop_v1_", "sg.", "ya29."),
        re.compile(
            r"\b(?:pypi-[A-Za-z0-9_-]{32,}|dop_v1_[a-f0-9]{40,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|ya29\.[A-Za-z0-9_-]{20,})"
        ),
    ),
    _Shape(
        "key",
        ("hooks.slack.com/services/", "age-secret-key-"),
        re.compile(r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}|\bAGE-SECRET-KEY-[A-Z0-9]{20,}"),
    ),
    _Shape(
        "login",
        ("authorization",),
        re.compile(rf"(?i)(\b(?:authorization|proxy-authorization){_IS}(?:bearer|basic|token|digest)\s+)[^\s\"'\\,;]+"),
        kept=True,
    ),
    _Shape(
        "login",
        ("x-api-key", "x-auth-token", "private-token", "x-goog-api-key"),
        re.compile(rf"(?i)(\b(?:x-api-key|x-auth-token|private-token|x-goog-api-key){_IS})(?![}}\]])[^\s\"'\\,;]+"),
        kept=True,
    ),
    _Shape("login", ("://",), re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]*:)[^\s/@]+(?=@)"), kept=True),
)


class Redactor:
    """Puts a mark in place of known secrets, also as base64, hex or URLs write them, and of everything that has the shape of one.

    The shapes are a net, not a proof: what has none of them and is not known stays.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Keep the values that are known to be secret."""
        looked_for = (value for value in known if len(value) >= SHORTEST and value.lower() not in _EVERYBODYS)
        forms = {form for value in looked_for for form in _forms(value)}
        self._known = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if len(text) < SHORTEST:
            return text
        for form in self._known:
            if form in text:
                text = text.replace(form, MARK)
        for shape in _likely(text):
            text = shape.pattern.sub(_marked if shape.kept else MARK, text)
        return text

    def json(self, value: Any) -> Any:  # any JSON
        """Return a JSON value with all its texts, and the names in it, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name) if isinstance(name, str) else name: self.json(inside) for name, inside in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(inside) for inside in value]
        return value

    def found_in(self, text: str) -> tuple[str, ...]:
        """What kinds of secrets a text has: `known`, or the names of shapes."""
        known = ("known",) if any(form in text for form in self._known) else ()
        shapes = [shape.name for shape in _likely(text) if any(not _is_marked(shape, found) for found in shape.pattern.finditer(text))]
        return (*known, *dict.fromkeys(shapes))


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return `text` with every known secret, and everything that has the shape of one, replaced by a mark; see `Redactor`."""
    return Redactor(known).text(text)


def _forms(value: str) -> Iterator[str]:
    """A value as it is, and as programs write it down."""
    content = value.encode("utf-8", "surrogatepass")
    plain, safe = base64.b64encode(content).decode(), base64.urlsafe_b64encode(content).decode()
    yield from (
        value,
        json.dumps(value)[1:-1],
        quote(value, safe=""),
        plain.rstrip("="),
        safe.rstrip("="),
        content.hex(),
        content.hex().upper(),
    )


def _likely(text: str) -> list[_Shape]:
    small = text.lower()
    return [shape for shape in _SHAPES if any(hint in small for hint in shape.hints)]


def _marked(found: re.Match[str]) -> str:
    return found.group(1) + MARK


def _is_marked(shape: _Shape, found: re.Match[str]) -> bool:
    return shape.kept and found.group(0) == _marked(found)
