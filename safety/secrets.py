"""Keeping secrets out of what is stored, shown or sent: known values and well-known shapes become a mark."""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "[secret]"

SHORTEST = 8
"""A known secret shorter than this is not looked for: its value would be found all over ordinary text."""

_SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{16,}"),
    re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"),
    re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}"),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bAIza[0-9A-Za-z_-]{30,}"),
    re.compile(r"(?<![\w-])ey[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    re.compile(r"\b(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,})"),
    re.compile(r"\b(?:pypi-[A-Za-z0-9_-]{32,}|dop_v1_[a-f0-9]{40,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|ya29\.[A-Za-z0-9_-]{20,})"),
    re.compile(r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}|\bAGE-SECRET-KEY-[A-Z0-9]{20,}"),
)

# Between a name and its value: also as a program writes it, or as JSON within JSON.
_IS = r"""[\\"']*\s*[:=]\s*[\\"']*"""

_AFTER = (
    re.compile(rf"(?i)(\b(?:authorization|proxy-authorization){_IS}(?:bearer|basic|token|digest)\s+)[^\s\"'\\,;]+"),
    re.compile(rf"(?i)(\b(?:x-api-key|x-auth-token|private-token|x-goog-api-key){_IS})[^\s\"'\\,;]+"),
    re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]*:)[^\s/@]+(?=@)"),
)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return `text` with every known secret, and everything that has the shape of one, replaced by a mark.

    The shapes are a net, not a proof: what has none of them and is not in `known` stays.
    """
    for value in sorted({value for value in known if len(value) >= SHORTEST}, key=len, reverse=True):
        text = text.replace(value, MARK)
    for shape in _SHAPES:
        text = shape.sub(MARK, text)
    for shape in _AFTER:
        text = shape.sub(lambda found: found.group(1) + MARK, text)
    return text
