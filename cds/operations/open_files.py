"""The limit of open files: each client is one, and what a process may have at first is often 1,024.

This module must not know who opens files.
"""

import resource

import structlog

log = structlog.get_logger(__name__)


def raise_open_files_limit() -> int:
    """Raise the limit of this process as far as it may by itself; returns how many files may be open from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as refused:
            # Some systems name a hard limit that they do not grant.
            log.warning("open_files_limit_kept", open_files_max=soft, reason=str(refused))
            return soft
    log.info("open_files_limit", open_files_max=hard, before=soft)
    return hard
