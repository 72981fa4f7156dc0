"""What Genie's own log says on a terminal: one line on stderr; the way that an error took only with --debug."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

DEBUG: Final[ContextVar[bool]] = ContextVar("debug", default=False)
"""Whether --debug was given."""


def configure_log(level: str, *, as_json: bool = False, secrets: Collection[str] = ()) -> None:
    """Send the log to stderr, from `level` up, for people or as one JSON document per line; stdout is for answers.

    Args:
        level: debug, info, warning or error.
        as_json: write JSON.
        secrets: values that no line may have, beside all that looks like a secret.
    """
    import structlog

    from safety.secrets import Redactor

    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    redactor = Redactor(secrets)
    processors += [] if DEBUG.get() else [_without_traceback]
    if as_json:
        shown = [structlog.processors.dict_tracebacks] if DEBUG.get() else []
        # Before it is one text, so that it stays JSON whatever is taken out.
        processors += [*shown, lambda _logger, _method, entry: redactor.json(entry), structlog.processors.JSONRenderer()]
    else:
        # Without the values of variables, which Rich would print: there may be secrets among them.
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        processors += [renderer, lambda _logger, _method, line: redactor.text(line)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("debug" if DEBUG.get() else level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if not any(isinstance(handler, _Libraries) for handler in logging.root.handlers):
        logging.root.addHandler(_Libraries(logging.WARNING))
    # Else Python prints them on stderr as they come.
    logging.captureWarnings(capture=True)


class _Libraries(logging.Handler):
    """What libraries log, as lines of ours: without a handler, Python prints it as it comes, between lines of JSON too."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        import structlog

        # Of a connection that broke, Genie tells itself what came of it; what Python warns of is for developers.
        level = logging.DEBUG if record.name.startswith(("psycopg", "py.warnings")) else record.levelno
        structlog.get_logger().log(level, " ".join(record.getMessage().split()), library=record.name)


def _without_traceback(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    entry.pop("exc_info", None)
    return entry
