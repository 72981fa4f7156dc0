"""Small values as people read them: money, times, durations, ids, long texts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

CENT: Final = Decimal("0.01")
SHORT_SHA: Final = 10
MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
THOUSAND: Final = 1_000


def usd(value: Decimal | str | float | None) -> str:
    """Dollars: cents from one cent up, four places below, since single calls cost less than a cent."""
    if value is None:
        return "–"
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if amount and abs(amount) < CENT:
        return f"${amount:.4f}"
    return f"${amount:,.2f}"


def count(value: Any) -> str:
    """A whole number with thousands set apart."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def many(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes in the unit that people read: `512 B`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < THOUSAND:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= THOUSAND
    return f"{number:.1f} TB"


def local(moment: datetime | None) -> str:
    """Date and time of the reader's clock; JSON has UTC."""
    return "–" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """The time of day of the reader's clock."""
    return moment.astimezone().strftime("%H:%M:%S")


def ago(moment: datetime) -> str:
    """How long ago, in the one unit that matters; JSON has the time itself."""
    since = max((datetime.now(UTC) - moment).total_seconds(), 0.0)
    for size, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if since >= size:
            return f"{int(since // size)} {unit}"
    return f"{int(since)} s"


def lasted(start: datetime | None, end: datetime | None) -> str:
    """How long something took, or takes so far."""
    if start is None:
        return "–"
    return seconds(((end or datetime.now(UTC)) - start).total_seconds())


def seconds(value: float) -> str:
    """A duration in the two largest units that matter."""
    if value < MINUTE_S:
        return f"{value:.1f} s"
    if value < HOUR_S:
        return f"{int(value // MINUTE_S)} min {int(value % MINUTE_S)} s"
    return f"{int(value // HOUR_S)} h {int(value % HOUR_S // MINUTE_S)} min"


def sha(commit: str | None) -> str:
    """The beginning of a commit that git takes for the whole."""
    return commit[:SHORT_SHA] if commit else "–"


def shortened(text: str, most: int) -> str:
    """The first line of a text, cut to `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
