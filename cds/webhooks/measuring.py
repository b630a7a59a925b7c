"""What is measured of each webhook by itself, for as long as there is that webhook.

This module must not know how anything is called.
"""

import os

from cds.metrics import WEBHOOK_LAG_EVENTS
from cds.operations.worker_metrics import DIRECTORY_VARIABLE


def tell_lag(webhook_id: str, lag_events: int) -> None:
    """So many events are there that a webhook is still to be told of."""
    WEBHOOK_LAG_EVENTS.labels(webhook_id).set(lag_events)


def forget(webhook_id: str) -> None:
    """Nobody calls this webhook here any more. Out of the files that several workers share nothing can be taken."""
    tell_lag(webhook_id, 0)
    if DIRECTORY_VARIABLE not in os.environ:
        WEBHOOK_LAG_EVENTS.remove(webhook_id)
