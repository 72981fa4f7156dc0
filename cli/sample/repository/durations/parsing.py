"""From text to seconds."""

import re

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

_PATTERN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse(text):
    """The number of seconds that `text` stands for, such as 5400 for "1h30m".

    Raises:
        ValueError: if it is not a duration.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None or not text.strip():
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * size for number, size in zip(match.groups(), UNITS.values()) if number)
