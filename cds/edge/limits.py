"""What an edge may take and how long it waits: one table of limits, each with its default.

What it passes on is limited as with a relay (cds/relay/limits.py). This module must not know how any limit is kept.
"""

import msgspec

from cds.relay.limits import Count, Time

HEARTBEAT_S = 1.0
"""How often JetStream says that a consumer of ours is there while nothing comes."""

HEARTBEATS_MISSED_MAX = 3
"""A consumer that has been silent for so many of these is taken to be gone, and another one is made."""

CONSUMER_PAUSE_S = 0.5
"""Before another consumer is made, or the core is asked again for lines."""

CORE_PAUSES_MAX = 4
"""While the core does not answer, that pause is doubled so many times."""

AGAIN_S_MAX = 30.0
"""The longest pause before a stream is read again that could not be read."""

DISCOVER_S = 2.0
"""How often it is looked which contests there are."""

GONE_LOOKS = 3
"""After so many such looks without it, a contest that has no stream is not published any more."""

HEAD_S_MAX = 5.0
"""How long the core is asked how far a role has been told, before what the stream holds is taken to be everything."""

STALE_AFTER_S = 5.0
"""A view that has been cut off for so long says so in its answers (`Warning: 110`)."""

LINES_BYTES_MAX = 8 * 1024 * 1024 * 1024
"""The lines of all views together, about: from there on no further role is followed, and those that nobody reads are
forgotten. The views of the public stay, and grow with their contests."""

ROLE_IDLE_S_MAX = 300.0
"""A role other than the public's that nobody has read for so long is followed no more."""

CONTESTS_MAX = 500
"""Contests that are followed; what is asked of the others is passed on to the core."""

LEVEL_S_MAX = 10.0
"""How long a client waits, at most, for a role to be followed as far as there is anything."""

AHEAD_S_MAX = 3.0
"""How long a client waits for the line of its token, which it may have got elsewhere a moment ago."""

AHEAD_AT_ONCE_MAX = 1_000
"""Clients that wait so at the same time. Anybody can make up a place."""

TOKENS_ASKED_AT_ONCE_MAX = 16
"""Tokens about which the core is asked at the same time."""

VIEWER_KEPT_S = 10.0
"""How long it is taken for granted who somebody is."""

VIEWER_KEPT_AWAY_S = 600.0
"""The same while the core cannot be asked."""

VIEWER_WAIT_S = 0.5
"""How long somebody who is known waits while the core is asked anew who he is."""

FIRST_WORD_S_MAX = 5.0
"""How long somebody waits for what the core says of the anonymous of a contest, where that is not known at all."""

VIEWERS_ASKED_AT_ONCE_MAX = 64
"""Logins about which the core is asked at the same time; anybody can make up a login."""

CONTESTS_KEPT_MAX = 2_000
"""Contests of which it is kept what the core says of the anonymous there."""

VIEWERS_MAX = 50_000
"""Logins (and addresses, where these log in) of which it is kept who they are."""

SHOWN_S_MAX = 1.0
"""How long the answer to a write waits for what it says to have come back over JetStream."""

FILTERS_MAX = 64
"""Requests with filters that much can match, of which one waits for the next; the others are told to come again."""

FILES_BYTES_MAX = 4 * 1024 * 1024 * 1024
FILE_BYTES_MAX = 256 * 1024 * 1024
"""What is kept of files on disk, in all and of each; a larger one goes through without being kept."""

DISK_PAUSE_S = 10.0
"""After a file could not be written to disk, files are passed on for so long before the next one is."""

PENDING_MESSAGES_MAX = 65_536
PENDING_BYTES_MAX = 256 * 1024 * 1024
"""What of a consumer's messages may wait to be taken in; a consumer that brings more is made anew behind the gap."""

ARRIVED_MAX = 64
"""Those of them that are taken in one after the other, for so long (`TURN_S`) before others have their turn."""

TURN_S = 0.002


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one edge; the constants above say what each of them means.

    `behind_s_max`: an edge that has been cut off for longer is not ready; None: it is ready with what it has.
    """

    heartbeat_s: Time = HEARTBEAT_S
    consumer_pause_s: Time = CONSUMER_PAUSE_S
    discover_s: Time = DISCOVER_S
    head_s_max: Time = HEAD_S_MAX
    stale_after_s: Time = STALE_AFTER_S
    lines_bytes_max: Count = LINES_BYTES_MAX
    role_idle_s_max: Time = ROLE_IDLE_S_MAX
    behind_s_max: Time | None = None
    contests_max: Count = CONTESTS_MAX
    level_s_max: Time = LEVEL_S_MAX
    ahead_s_max: Time = AHEAD_S_MAX
    viewer_kept_s: Time = VIEWER_KEPT_S
    viewer_kept_away_s: Time = VIEWER_KEPT_AWAY_S
    viewer_wait_s: Time = VIEWER_WAIT_S
    first_word_s_max: Time = FIRST_WORD_S_MAX
    viewers_max: Count = VIEWERS_MAX
    shown_s_max: Time = SHOWN_S_MAX
    files_bytes_max: Count = FILES_BYTES_MAX
    file_bytes_max: Count = FILE_BYTES_MAX
