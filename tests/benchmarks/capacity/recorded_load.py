"""What a recorded World Finals asks of those who serve it: lines and board events per second, and their bytes.

The contest is played in its own time without waiting: each submission is a line when it was made, each judgement one
when it began and one with its verdict. This module must not know who is served, nor what that costs.
"""

import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from statistics import fmean

import msgspec

from cds.fan_out.gzip_stream import compressed_piece
from cds.fan_out.limits import BOARD_BEAT_S
from projections.scoreboard_changes import ReadBoard, encoded_changes, read_board
from schemas.objects import Contest, Judgement, Submission
from schemas.times import parse_relative_time_ms, parse_time_ms
from tests.benchmarks.capacity.unit_costs import RecordedLoad
from tests.projections.scoreboard_builders import SHARED, Boards, Event
from tests.projections.test_scoreboard_real_contests import package

CONTEST = "wf44-2020"
PUBLIC_FEED = SHARED / "data" / CONTEST / "event-feed-public.ndjson"
FEED_WITH_RUNS = SHARED / "data" / "csus-f2019" / "eventfeed.ndjson"
LIVE_TYPES = ("submissions", "judgements", "commentary")
PLACE_BYTES = 22
TAG = b"AAQAePXeo1oK"
"""A token of ours is the place of its line, which looks like chance, and a tag that all lines share."""

HOURS, FREEZE_HOURS = 5.0, 4.0
MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000
MS_PER_BEAT = round(BOARD_BEAT_S * 1_000)
SECONDS_PER_MINUTE = 60
MICROSECONDS = 1_000_000

Timed = tuple[int, Event]


class _Line(msgspec.Struct):
    """A line of a feed, as far as it matters here."""

    type: str
    token: str = ""


def recorded_load() -> RecordedLoad:
    """The load of the recorded World Finals. Raises OSError where the recorded contests are not beside the checkout."""
    events = package(CONTEST)
    timed, lines = timed_changes(events), _public_lines(PUBLIC_FEED)
    live = {kind: [line for line, of in lines if of == kind] for kind in LIVE_TYPES}
    live_lines = [line for each in live.values() for line in each]
    history = b"".join(line for line, _ in lines)
    verdicts = [at_ms for at_ms, (kind, _, instance) in timed if kind == "judgements" and _is_verdict(instance)]
    told = _times_of_lines(timed, live["commentary"])
    boards = list(board_events(events, timed))
    seconds = HOURS * MS_PER_HOUR / 1_000
    busiest = Counter(at_ms // MS_PER_MINUTE for at_ms, *_ in boards).most_common(1)[0][0]
    whole = Boards(events).frozen.scoreboard()
    return RecordedLoad(
        contest="44th World Finals",
        teams=sum(kind == "teams" for kind, *_ in events),
        hours=HOURS,
        submissions=len(live["submissions"]),
        verdicts=sum(at_ms < FREEZE_HOURS * MS_PER_HOUR for at_ms in verdicts),
        thawed_verdicts=sum(at_ms >= FREEZE_HOURS * MS_PER_HOUR for at_ms in verdicts),
        peak_verdicts_s=per_second_of_busiest_minute(at_ms for at_ms in verdicts if at_ms < FREEZE_HOURS * MS_PER_HOUR),
        lines_s=len(told) / seconds,
        peak_lines_s=per_second_of_busiest_minute(told),
        line_bytes=fmean(map(len, live_lines)),
        line_gzip_bytes=fmean(len(compressed_piece(line)) for line in live_lines),
        history_bytes=len(history),
        history_gzip_bytes=len(compressed_piece(history)),
        boards_s=len(boards) / seconds,
        peak_boards_s=per_second_of_busiest_minute([at_ms for at_ms, *_ in boards]),
        board_event_bytes=fmean(size for _, size, _ in boards),
        peak_board_event_bytes=fmean(size for at_ms, size, _ in boards if at_ms // MS_PER_MINUTE == busiest),
        board_bytes=len(whole),
        board_us=fmean(took_s for *_, took_s in boards) * MICROSECONDS,
        run_line_bytes=fmean(len(line) for line, kind in _public_lines(FEED_WITH_RUNS) if kind == "runs"),
    )


def timed_changes(events: Iterable[Event]) -> list[Timed]:
    """What happened in the contest, by the milliseconds since its start."""
    events, timed = list(events), list[Timed]()
    start_ms = next(
        parse_time_ms(each.start_time) for *_, each in events if isinstance(each, Contest) and each.start_time
    )
    for kind, identifier, instance in events:
        if isinstance(instance, Submission):
            timed.append((parse_time_ms(instance.time) - start_ms, (kind, identifier, instance)))
        elif isinstance(instance, Judgement):
            began = msgspec.structs.replace(instance, judgement_type_id=None, end_time=None, current=None)
            timed.append((parse_time_ms(instance.start_time) - start_ms, (kind, identifier, began)))
            if instance.end_time:
                timed.append((parse_time_ms(instance.end_time) - start_ms, (kind, identifier, instance)))
    return sorted(timed, key=lambda each: each[0])


def board_events(events: Iterable[Event], timed: list[Timed]) -> Iterator[tuple[int, int, float]]:
    """Every other public board on the beat: its contest time (ms), the bytes of its event, seconds of work."""
    boards = Boards(event for event in events if event[0] not in LIVE_TYPES)
    before: ReadBoard | None = None
    encoded = boards.frozen.scoreboard()
    beats = Counter(at_ms // MS_PER_BEAT for at_ms, _ in timed)
    begin = 0
    for beat in sorted(beats):
        coming = timed[begin : begin + beats[beat]]
        begin += beats[beat]
        boards.apply(*(event for _, event in coming))
        before, last = read_board(encoded) if before is None else before, encoded
        began_s = time.process_time()
        encoded = boards.frozen.scoreboard()
        if encoded == last:
            continue
        after = read_board(encoded)
        size = min(len(encoded_changes(before, after)), len(encoded))
        before = after
        yield beat * MS_PER_BEAT, size, time.process_time() - began_s


def per_second_of_busiest_minute(times_ms: Iterable[int]) -> float:
    """How many in a second, in the minute that has most of them."""
    counted = Counter(at_ms // MS_PER_MINUTE for at_ms in times_ms)
    return max(counted.values(), default=0) / SECONDS_PER_MINUTE


def _times_of_lines(timed: list[Timed], commentary: list[bytes]) -> list[int]:
    """When the public was told something: verdicts of the freeze are not, and comments are told with what they name."""
    told = [at_ms for at_ms, (kind, *_) in timed if kind == "submissions" or at_ms < FREEZE_HOURS * MS_PER_HOUR]
    return told + [_comment_ms(line) for line in commentary]


def _comment_ms(line: bytes) -> int:
    told = msgspec.json.decode(line)["data"]["contest_time"]
    return max(parse_relative_time_ms(told), 0)


def _is_verdict(instance: object) -> bool:
    return isinstance(instance, Judgement) and instance.judgement_type_id is not None


def _public_lines(path: Path) -> list[tuple[bytes, str]]:
    """The lines of a recorded feed with tokens as long as ours, and as hard to compress, and their types."""
    found = []
    for number, line in enumerate(filter(bytes.strip, path.read_bytes().splitlines(keepends=True))):
        read = msgspec.json.decode(line, type=_Line)
        place = urlsafe_b64encode(blake2b(number.to_bytes(8, "little")).digest())[:PLACE_BYTES]
        ours = b'"%b%b"' % (place, TAG)
        whole = line.replace(f'"{read.token}"'.encode(), ours) if read.token else line.strip() + ours + b"\n"
        found.append((whole, read.type))
    return found
