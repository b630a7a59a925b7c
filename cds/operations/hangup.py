"""What SIGHUP means: read the certificate again; without one, that the terminal has gone, and so stop in order.

This module must not know what is stopped or read.
"""

import asyncio
import signal
from collections.abc import Callable


def heed_hangup(*, encrypted: bool, reload: Callable[[], None], stop: Callable[[], None]) -> None:
    """Handle SIGHUP from here on, on the running event loop.

    Where there is no certificate and the signal is ignored it stays so: nohup asks for that, and workers are stopped
    by their supervisor.
    """
    if encrypted:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop)
