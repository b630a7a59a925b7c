"""Logs: one structured line for each event, coloured on a terminal, JSON elsewhere.

This module must not know what is logged.
"""

import logging
import sys

import structlog
from structlog.typing import Processor


def configure_logging(*, json: bool | None = None) -> None:
    """Send logs to standard error: as JSON lines, or (on a terminal, when `json` is None) for people to read."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # The other formatters show local variables, and so the passwords and the sources that were just being sent.
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
