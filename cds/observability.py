"""Logs: one structured line for each event; for people to read and coloured on a terminal, JSON elsewhere.

This module must not know what is logged.
"""

import json
import logging
import sys
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cds.configuration import LogFormat, LogLevel

LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

FIRST = ("timestamp", "level", "event")


def configure_logging(log_format: LogFormat = "auto", level: LogLevel = "info") -> None:
    """Send logs to standard error: as JSON lines, or for people to read, which `auto` does on a terminal.

    To be called once, before the first line is logged.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = (
        [structlog.processors.format_exc_info, _first_things_first, structlog.processors.JSONRenderer(_rendered)]
        if is_json(log_format)
        # The other formatters show local variables, and so the passwords and the sources that were just being sent.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        # A line and its end are written at once: several processes may share one standard error.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[LinesOfLibraries()], level=max(LEVELS[level], logging.WARNING), force=True)


def _first_things_first(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """When, how grave and what; then everything else in the order in which it was given."""
    first = {name: line[name] for name in FIRST if name in line}
    return {**first, **line}


def _rendered(line: EventDict, default: Callable[[object], object]) -> str:
    return json.dumps(line, separators=(",", ":"), default=default)


def is_json(log_format: LogFormat) -> bool:
    """Whether lines are JSON in this format, here and now."""
    return not sys.stderr.isatty() if log_format == "auto" else log_format == "json"


class LinesOfLibraries(logging.Handler):
    """Passes on what libraries say through the standard library's logging, so that every line has the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with the library's name and its words."""
        words = record.getMessage()
        structlog.get_logger().log(
            record.levelno, "library_said", logger=record.name, words=words, exc_info=record.exc_info or None
        )
