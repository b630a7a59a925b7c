"""What is measured of each webhook by itself, for as long as there is that webhook.

This module must not know how anything is called.
"""

from cds.metrics import WEBHOOK_LAG_EVENTS
from cds.operations import worker_metrics


def tell_lag(webhook_id: str, lag_events: int) -> None:
    """So many events are there that a webhook is still to be told of."""
    WEBHOOK_LAG_EVENTS.labels(webhook_id).set(lag_events)


def forget(webhook_id: str) -> None:
    """Nobody calls this webhook here any more."""
    worker_metrics.forget(WEBHOOK_LAG_EVENTS, webhook_id)
