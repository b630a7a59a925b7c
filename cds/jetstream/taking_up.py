"""Publishing taken up as a duty, where the settings name servers; nothing of NATS is imported where they do not.

This module must not know how publishing is done.
"""

from functools import partial

from cds.contests import Contests
from cds.duties import Duties
from cds.jetstream.settings import PublishingSettings
from cds.metrics import PUBLISHING_WANTED
from projections.tokens import TokenMaker

DUTY = "publisher"


def take_up_publishing(
    settings: PublishingSettings | None, contests: Contests, tokens: TokenMaker, duties: Duties
) -> None:
    """Publish whenever it is this process's turn."""
    if settings is None:
        return
    PUBLISHING_WANTED.set(1)
    from cds.jetstream.publisher import Publisher

    publisher = Publisher(contests, tokens, settings, may_publish=partial(duties.holds, DUTY))
    duties.take_up(DUTY, publisher.run)
