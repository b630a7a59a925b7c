"""The law of following: what is shown never goes back, whatever befalls the feed, and in the end it is what was said.

Random histories on an upstream with random faults, followed on a store in memory. What the public is shown of each
object is what it is shown after an import of the same lines, in the same order, with nothing between and nothing
twice; states may be passed over, never taken up again. Where the contest becomes at once what was said in many lines,
the object may come before or after all else: it is shown, say, as it was before a change and with the freeze already
that came behind the change. What may be shown there follows from the lines.
"""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.importing import import_contest
from cds.live_contest import PAGE_EVENTS, LiveContest, decoded, stream_of
from cds.packages.reading import read_contest
from cds.token_keeping import token_maker
from cds.upstream.describing import source_options
from cds.upstream.options import SourceOptions
from cds.upstream.patience import Patience
from eventstore.memory import MemoryStore
from projections.feed_lines import ALL_TYPES_MASK
from projections.visibility_table import TEAM_STREAMS
from schemas.object_types import SINGLETON_ID
from schemas.viewers import Role
from tests.cds.upstream.stage import Followed, followed
from tests.cds.upstream.told import could_be_told
from tests.histories import History, histories
from tests.upstream_server.faults import CutPlace, Ending, Faults
from tests.upstream_server.recording import Recording
from tests.upstream_server.server import UpstreamServer, serving_upstream

HASTY = Patience(pause_s=0.005, pause_s_max=0.02, silence_s_max=0.5, quiet_s=0.05, quiet_anew_s=0.2)
FOLLOWED_ROLES: tuple[Role, ...] = ("public", "admin")
CONTEST_ID = "finals"
OF_THE_COURSE = frozenset({"state", "judgements", "runs"})
"""The types of which an older word would un-thaw a contest or take back a verdict."""

EXAMPLES = max(settings.default.max_examples // 2, 5) if settings.default is not None else 10
LEVEL_S_MAX = 20.0
TOLD_LATER = {"contest": ("main_scoreboard_group_id",), "teams": TEAM_STREAMS}
EMPTY_STATE = {
    "started": None,
    "frozen": None,
    "ended": None,
    "thawed": None,
    "finalized": None,
    "end_of_updates": None,
}

Shown = dict[tuple[str, str | None], list[object]]
"""What was said to somebody of each object, one after the other; None where it was gone."""

shares = st.sampled_from((0.0, 0.1, 0.3))

faults = st.builds(
    Faults,
    seed=st.integers(0, 2**32),
    cut_every=st.sampled_from((None, 3, 7, 15)),
    places=st.permutations(list(CutPlace)).map(tuple),
    endings=st.one_of(st.permutations(list(Ending)).map(tuple), st.just((Ending.PROPER,))),
    doubled=shares,
    sent_again=shares,
    blank=shares,
    odd=shares,
    overlap=st.integers(0, 3),
    refusals=st.dictionaries(st.integers(2, 8), st.sampled_from((400, 400, 401, 500)), max_size=3),
    hangs=st.sampled_from((frozenset(), frozenset({2}))),
)


def recording_of(history: History, prefix: str = "k") -> Recording:
    """A history as today's version tells it."""
    lines = []
    for number, change in enumerate(history.changes):
        data = None if change.instance is None else msgspec.to_builtins(change.instance)
        said = {"type": change.type, "id": change.id or None, "data": data, "token": f"{prefix}{number}"}
        lines.append(json.dumps(said, ensure_ascii=False).encode())
    return Recording(CONTEST_ID, tuple(lines))


def source(upstream: UpstreamServer) -> SourceOptions:
    """Who is followed."""
    return source_options(upstream.url, contest_id=CONTEST_ID, patience=HASTY)


async def contest_in(store: MemoryStore) -> LiveContest:
    """The contest as a server finds it that starts now."""
    contest = LiveContest(CONTEST_ID, store, await token_maker(store))
    await contest.catch_up()
    return contest


async def shown_to(contest: LiveContest, role: Role) -> Shown:
    """Everything that a role's feed has ever said, object by object."""
    feed, place, shown = await contest.feed(role), 0, Shown()
    while (chunk := feed.after(place, b"", ALL_TYPES_MASK)) is not None:
        for line in filter(None, chunk.data.split(b"\n")):
            said = json.loads(line)
            shown.setdefault((said["type"], said["id"]), []).append(said["data"])
        place = chunk.sequence
    return shown


async def written(store: MemoryStore) -> Shown:
    """Everything that the log of the contest says, object by object."""
    found: Shown = {}
    for event in await store.read(stream_of(CONTEST_ID), 0, PAGE_EVENTS):
        data = None if event.data is None else json.loads(event.data)
        found.setdefault((event.type, event.id), []).append(data)
    return found


async def lines_of(store: MemoryStore) -> list[ObjectChange]:
    """The log of the contest, change by change."""
    events = await store.read(stream_of(CONTEST_ID), 0, PAGE_EVENTS)
    return [ObjectChange(event.type, event.id, decoded(event)) for event in events]


async def imported(recording: Recording) -> MemoryStore:
    """A store into which the recording was imported."""
    store = MemoryStore()
    with tempfile.TemporaryDirectory() as room:
        path = Path(room, "event-feed.ndjson")
        path.write_bytes(b"".join(line + b"\n" for line in recording.lines))
        contents = read_contest(path, contest_id=CONTEST_ID)
        await import_contest(store, contents, cause="test", circumstances=SYSTEM, progress=lambda *_: None)
    return store


async def until_level(following: Followed, upstream: UpstreamServer) -> None:
    """Wait until everything that was said is in the contest, and no reading anew is under way."""
    last = list(upstream.recording.places)[upstream.said - 1]

    def is_level() -> bool:
        known = following.source.following
        return known.buffer is None and known.current.resume is not None and known.current.resume.value == last

    async with asyncio.timeout(LEVEL_S_MAX):
        await following.until(is_level)
        await following.source.settled()
        await following.until(is_level)


def going_back(shown: Sequence[object], allowed: Sequence[object]) -> bool:
    """Whether something was shown that does not stand in that order in what may be shown."""
    place = 0
    for each in shown:
        try:
            place = allowed.index(each, place) + 1
        except ValueError:
            return True
    return False


def of_the_course(shown: Shown) -> Shown:
    """What was said of the contest's course alone."""
    return {key: versions for key, versions in shown.items() if key[0] in OF_THE_COURSE}


def told_in_parts(type_name: str, version: object) -> list[object]:
    """A version, before it that without what has to wait for something else where all is told at once.

    A contest names a group; the streams of a team wait for a submission with which the freeze begins that hides them.
    """
    waits = TOLD_LATER.get(type_name, ())
    if not isinstance(version, dict) or not any(name in version for name in waits):
        return [version]
    return [{name: value for name, value in version.items() if name not in waits}, version]


def out_of_order(shown: Shown, allowed: Sequence[Shown]) -> Shown:
    """What may be said, one after the other, of each object of which something else was said."""
    found = Shown()
    for key, versions in shown.items():
        # A contest without a state is given one in which nothing has happened.
        may: list[object] = [EMPTY_STATE] if key[0] == "state" else []
        may += [part for each in allowed for version in each.get(key, ()) for part in told_in_parts(key[0], version)]
        if key not in allowed[-1]:
            may.append(None)
        if going_back(versions, may):
            found[key] = may
    return found


def check_order(shown: Shown, allowed: Sequence[Shown], whom: str) -> None:
    """What was said of each object is part of what may be said, one after the other."""
    for key, may in out_of_order(shown, allowed).items():
        raise AssertionError(f"{whom} was told of {key}:\n{shown[key]}\nand may be told\n{may}")


def check_shown(shown: Shown, allowed: Shown, lines: Sequence[ObjectChange], role: Role) -> None:
    """The same of what a role is shown; an object may also come before or after all else that the lines say."""
    for (type_name, identifier), may in out_of_order(shown, [allowed]).items():
        versions, key = shown[type_name, identifier], (type_name, identifier or SINGLETON_ID)
        told = f"{role} was told of {key}:\n{versions}\nand may be told\n{may}\nor what the lines come to on the way"
        assert could_be_told(versions, lines, key, role), told


@settings(max_examples=EXAMPLES)
@given(history=histories(), faults=faults, data=st.data())
def test_what_is_shown_never_goes_back_and_comes_to_what_was_said(
    history: History, faults: Faults, data: st.DataObject
) -> None:
    """Whatever is cut, doubled, sent again or refused, and wherever the follower ends and begins again."""
    recording = recording_of(history)
    steps = data.draw(st.lists(st.integers(1, len(recording.lines)), max_size=3).map(sorted), label="said by and by")
    restarts = data.draw(st.lists(st.booleans(), min_size=len(steps), max_size=len(steps)), label="restarts")
    asyncio.run(_follow(recording, faults, list(zip(steps, restarts, strict=True))))


async def _follow(recording: Recording, faults: Faults, steps: list[tuple[int, bool]]) -> None:
    store = MemoryStore()
    async with serving_upstream(recording, faults) as upstream:
        upstream.keep_alive_s = 0.1
        upstream.said = 0
        remaining = [*steps, (len(recording.lines), False)]
        while remaining:
            async with followed(store, source(upstream)) as following:
                restarts = False
                while remaining and not restarts:
                    count, restarts = remaining.pop(0)
                    upstream.say(count)
                    if not restarts:
                        await until_level(following, upstream)
    await check_followed(store, recording)


async def check_followed(store: MemoryStore, recording: Recording) -> None:
    """A contest has come to what a recording says, and nobody was shown on the way what goes back."""
    reference = await imported(recording)
    ours, theirs = await contest_in(store), await contest_in(reference)
    assert ours.state.objects == theirs.state.objects
    lines = await lines_of(reference)
    for role in FOLLOWED_ROLES:
        check_shown(await shown_to(ours, role), await shown_to(theirs, role), lines, role)


@settings(max_examples=EXAMPLES)
@given(history=histories(), faults=faults, data=st.data())
def test_an_upstream_that_was_restored_is_shown_as_it_is_and_not_as_it_has_been(
    history: History, faults: Faults, data: st.DataObject
) -> None:
    """It lost the end of its history: what is shown goes from what was said last to what stands now, and on."""
    recording = recording_of(history)
    lost = data.draw(st.integers(1, min(len(recording.lines) - 1, 20)), label="lines lost")
    asyncio.run(_follow_restored(recording, faults, len(recording.lines) - lost))


async def _follow_restored(recording: Recording, faults: Faults, kept: int) -> None:
    store = MemoryStore()
    again = tuple(line.replace(b'"token": "k', b'"token": "again') for line in recording.lines[kept:])
    restored = Recording(CONTEST_ID, (*recording.lines[:kept], *again))
    async with serving_upstream(recording, faults) as upstream, followed(store, source(upstream)) as following:
        upstream.keep_alive_s = 0.1
        await until_level(following, upstream)
        await upstream.become(restored, said=kept)
        await until_level(following, upstream)
        upstream.say(len(restored.lines))
        await until_level(following, upstream)
    ended, expected = await contest_in(store), await contest_in(await imported(restored))
    assert ended.state.objects == expected.state.objects
    before, standing = await written(await imported(recording)), await written(await imported(restored.cut_to(kept)))
    last: Shown = {key: standing.get(key, [None])[-1:] for key in before}
    on = {key: versions[_so_far(standing.get(key, [])) :] for key, versions in before.items()}
    check_order(of_the_course(await written(store)), [before, last, on], "the log")


def _so_far(versions: list[object]) -> int:
    """How many versions had been shown; the state that a contest is given which has none is none of them."""
    return 0 if versions == [EMPTY_STATE] else len(versions)
