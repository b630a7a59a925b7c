"""What a relay may take and how long it waits: one table of limits, each with its default.

This module must not know how any of them is kept.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

CONNECT_S_MAX = 5.0
"""How long the upstream may take to accept a connection."""

ANSWER_S_MAX = 30.0
"""How long it may take to begin an answer, and at any moment in it to go on."""

WRITE_S_MAX = 300.0
"""How long it may take until something that is written has got there and an answer begins."""

SILENCE_S_MAX = 95.0
"""A feed on which nothing comes for so long, not even the newline that is due every 30 s, is taken to be cut off."""

FIRST_PAUSE_S = 1.0
PAUSE_S_MAX = 30.0
"""Before a feed that was cut off is asked for again: so long at first, doubled each time, with chance in it."""

LEVEL_S_MAX = 15.0
"""How long a client waits, at most, for its audience to have been read as far as the upstream is."""

RESUME_LOOKS_MAX = 8
"""How often it is looked for the place of a token among lines that go on coming."""

ASKED_AT_ONCE_MAX = 32
"""Questions about tokens that the upstream is asked at the same time; anybody can make up a token."""

ANSWERS_AT_ONCE_MAX = 128
"""Requests that the upstream has not begun to answer, of all that are no feeds and no writes; the others wait for their
turn."""

WRITES_AT_ONCE_MAX = 256
WRITES_OF_ADDRESS_MAX = 32
"""Writes that are on their way to the upstream, in all and from one address. They have slots of their own: each lasts
as long as its client takes to send it."""

SLOT_S_MAX = 10.0
"""How long a request waits for its turn."""

LINE_BYTES_MAX = 4 * 1024 * 1024
"""A longer line is none. A thousand of these still have their ends in numbers of 32 bits."""

READ_BYTES_MAX = 256 * 1024
"""What may wait of a feed until it is taken in."""

BOARD_BYTES_MAX = 16 * 1024 * 1024
"""A larger scoreboard is none."""

IDLE_S_MAX = 300.0
"""An audience that nobody has read for so long is forgotten."""

LOOK_S = 5.0
"""How often it is looked whether audiences are to be forgotten, and whether the upstream is there."""

AUDIENCES_MAX = 4_000
ANONYMOUS_SELECTIONS_MAX = 64
SELECTIONS_OF_ADDRESS_MAX = 16
"""Audiences in all; those of clients without a login that are told of some types alone, because there are very many
selections of types; and how many of these one address may have others follow. Where none is left, the address that has
most of them gives one up to whoever has fewer. There is always a place for the whole feed of a contest."""

LINES_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""The lines of all audiences together, as they are kept."""

KEPT_ANSWERS_BYTES_MAX = 128 * 1024 * 1024
KEPT_ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""Bodies of answers that are kept, in all and each; a larger one goes through without being kept."""

UNFOLLOWED_GOOD_S = 1.0
"""How long an answer is good of which no feed tells whether it still is."""

PIECE_BYTES = 64 * 1024
"""What goes through at once of a body that is not kept."""


TIME_S_MIN = 0.01
"""No time here is shorter: a relay that never rests would leave nothing of the processor to its clients."""

Time = Annotated[float, Meta(ge=TIME_S_MIN, le=86_400)]
Count = Annotated[int, Meta(ge=1)]


class RelayLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one relay; the constants above say what each of them means."""

    connect_s_max: Time = CONNECT_S_MAX
    answer_s_max: Time = ANSWER_S_MAX
    silence_s_max: Time = SILENCE_S_MAX
    first_pause_s: Time = FIRST_PAUSE_S
    pause_s_max: Time = PAUSE_S_MAX
    level_s_max: Time = LEVEL_S_MAX
    idle_s_max: Time = IDLE_S_MAX
    look_s: Time = LOOK_S
    audiences_max: Count = AUDIENCES_MAX
    anonymous_selections_max: Count = ANONYMOUS_SELECTIONS_MAX
    selections_of_address_max: Count = SELECTIONS_OF_ADDRESS_MAX
    lines_bytes_max: Count = LINES_BYTES_MAX
    kept_answers_bytes_max: Count = KEPT_ANSWERS_BYTES_MAX
    kept_answer_bytes_max: Count = KEPT_ANSWER_BYTES_MAX
    unfollowed_good_s: Annotated[float, Meta(ge=0, le=86_400)] = UNFOLLOWED_GOOD_S
