"""The end of a process that has served: it leaves without taking its memory apart.

What a server holds of large contests takes many seconds to be given back object by object, while whoever has told it to
stop waits, and kills it in the end. The system takes all of it back at once. This module must not know what was served.
"""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

_kept: list[object] = []


def keep_to_the_end(held: object) -> None:
    """Let go of something with the process, not before: when its last user leaves nothing is taken apart."""
    _kept.append(held)


def leave_at_once(code: int) -> NoReturn:
    """End this process with an exit code, once all it has to say is written.

    Nothing else is done: no exit handlers, no destructors. So whatever is to be closed must have been closed before.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # A process that was started without the stream has None. Whoever read it may be gone, which at this point is
        # nothing to be told.
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)
