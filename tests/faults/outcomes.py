"""What rounds came to, and how that is told: as lines of a file, and as the page docs/faults.md.

This module must not know how rounds are played.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec


class Outcome(msgspec.Struct, kw_only=True):
    """What a round came to: `faults` by kind, `acknowledged_of` by kind of write, `phases` in seconds since it began.

    `interruptions` are faults after which one call to each webhook may come again: whatever ended a process or a
    session of the database, or froze it. `cut` counts connections, `tampered` says of each kind of tampering how often
    it was tried and found. `recoveries_s` is how long it took, by what had been broken, until a write was acknowledged
    after the database was back.
    """

    seed: int
    number: int
    deployment: str
    faults: dict[str, int] = {}
    cut: int = 0
    notifications_lost: int = 0
    interruptions: int = 0
    acknowledged: int = 0
    acknowledged_of: dict[str, int] = {}
    readers: int = 0
    resumed: int = 0
    lines: int = 0
    calls: int = 0
    calls_again: int = 0
    recoveries_s: dict[str, list[float]] = {}
    events: int = 0
    tampered: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    violations: list[str] = []
    seconds: float = 0.0
    phases: dict[str, float] = {}


def write(outcomes: Sequence[Outcome], file: Path) -> None:
    """Keep them."""
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in outcomes))


def read(file: Path) -> list[Outcome]:
    """What was kept."""
    return [msgspec.json.decode(line, type=Outcome) for line in file.read_bytes().splitlines()]


def line_of(outcome: Outcome) -> str:
    """One round on one line."""
    result = f"{len(outcome.violations)} VIOLATIONS" if outcome.violations else "good"
    if outcome.tampered:
        tried, found = tampered([outcome])
        kinds = len(outcome.tampered)
        return f"tampering: {kinds} kinds, {tried} times tried, {found} found, {outcome.seconds:.0f} s: {result}"
    return (
        f"round {outcome.number} ({outcome.deployment}): {sum(outcome.faults.values())} faults, "
        f"{outcome.acknowledged} writes acknowledged, {outcome.resumed} times resumed, "
        f"{outcome.calls} calls, {outcome.seconds:.0f} s: {result}"
    )


def summary(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """The numbers of a campaign."""

    def total(name: str) -> int:
        return sum(getattr(each, name) for each in outcomes)

    def counted(name: str) -> int:
        return sum(each.counts.get(name, 0) for each in outcomes)

    rounds = [each for each in outcomes if each.deployment != TAMPERING]
    tried, found = tampered(outcomes)
    return [
        ("Rounds, the final act among them", len(rounds)),
        ("Rounds that failed", sum(bool(each.violations) for each in rounds)),
        ("Faults", sum(sum(each.faults.values()) for each in outcomes)),
        ("Processes killed with SIGKILL", _killed(outcomes)),
        ("Connections cut", total("cut")),
        ("Notifications of Postgres swallowed", total("notifications_lost")),
        ("Requests sent", counted("attempts")),
        ("Answers lost on the way", counted("answers lost")),
        ("Answers 503, to be tried again", counted("try again")),
        ("Writes acknowledged", total("acknowledged")),
        ("Acknowledged writes lost", counted("lost")),
        ("Writes carried out twice", counted("twice")),
        ("Reads that must not be older than any before", counted("reads in order")),
        ("Readers of feeds", total("readers")),
        ("Readers resumed at a token", total("resumed")),
        ("Lines read by them", total("lines")),
        ("Readers with a gap or a line twice", counted("gaps")),
        ("Calls to webhooks", total("calls")),
        ("Calls that came again after an interruption", total("calls_again")),
        (
            "Calls that might come again: one for each webhook and interruption",
            sum(each.interruptions * WEBHOOKS for each in outcomes if each.calls),
        ),
        ("Kinds of tampering with the log", sum(len(each.tampered) for each in outcomes)),
        ("Tampering tried", tried),
        ("Tampering found, at its very place", found),
    ]


def tampered(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """How often the log was tampered with, and how often that was found."""
    pairs = [pair for each in outcomes for pair in each.tampered.values()]
    return sum(tried for tried, _ in pairs), sum(found for _, found in pairs)


def recovery(outcomes: Sequence[Outcome]) -> list[tuple[str, str, str, str]]:
    """How soon writes were acknowledged again: after what, how often that was measured, median and most in seconds."""
    measured: dict[str, list[float]] = {}
    for outcome in outcomes:
        for kind, seconds in outcome.recoveries_s.items():
            measured.setdefault(kind, []).extend(seconds)
    return [
        (kind, str(len(seconds)), f"{median(seconds):.1f} s", f"{max(seconds):.1f} s")
        for kind, seconds in sorted(measured.items())
    ]


def page(outcomes: Sequence[Outcome]) -> str:
    """The page of documentation, in Markdown."""
    rounds = [each for each in outcomes if each.deployment not in (FINAL, TAMPERING)]
    final = [each for each in outcomes if each.deployment == FINAL]
    kinds = Counter[str]()
    writes = Counter[str]()
    places = Counter(each.deployment for each in rounds)
    for each in outcomes:
        kinds.update(each.faults)
        writes.update(each.acknowledged_of)
    seeds = ", ".join(str(seed) for seed in sorted({each.seed for each in outcomes}))
    parts = [
        HEAD.format(seeds=seeds, minutes=round(sum(each.seconds for each in outcomes) / 60)),
        _table(("What", "How many"), summary(outcomes)),
        "\n## What was broken\n",
        _table(("Fault", "Times"), kinds.most_common()),
        "\n## How soon writes were taken again\n",
        RECOVERED,
        _table(("After", "Measured", "Median", "Most"), recovery(outcomes)),
        "\n## What was acknowledged\n",
        _table(("Write", "Times"), [(WRITES.get(kind, kind), count) for kind, count in writes.most_common()]),
        "\n## Where\n",
        _table(("Deployment", "Rounds"), [(PLACES[place], count) for place, count in places.most_common()]),
    ]
    if final:
        parts += ["\n## The final act\n", *(_told_of(each) for each in final)]
    kinds_of_tampering = {name: pair for each in outcomes for name, pair in each.tampered.items()}
    if kinds_of_tampering:
        rows = [(name, tried, found) for name, (tried, found) in kinds_of_tampering.items()]
        parts += ["\n## Tampering\n", TAMPERED, _table(("What was done to the log", "Tried", "Found"), rows)]
    return "\n".join(parts) + TAIL


FINAL = "final act"
"""In the place of a deployment, of the contest with which a campaign ends."""

TAMPERING = "tampering"
"""In the same place, of the part in which the log is tampered with."""

WEBHOOKS = 2
"""How many are called in each round."""

EXACT = (
    "every role's feed folded to what GET said, every reader had exactly that feed, the scoreboard and all awards were "
    "exactly those of slow and obvious implementations, every submission was judged as the script has it, and "
    "`cds verify` found nothing"
)

PLACES = {
    "one": "one server, Postgres behind a bad network",
    "group": "two workers, Postgres behind a bad network",
    "embedded": "one server with the embedded Postgres",
    "embedded group": "two workers with the embedded Postgres",
}

WRITES = {
    "submission": "submission (Contest API, Idempotency-Key)",
    "clarification": "question of a team (Contest API, Idempotency-Key)",
    "answer": "answer to a question (Contest API, Idempotency-Key)",
    "judgement": "judgement (Contest API, Idempotency-Key)",
    "verdict": "verdict of a judgement (Contest API, PATCH)",
    "group0": "group whose name is a growing number (Contest API, PUT)",
    "group1": "another such group",
    "source": "submission (CMS)",
    "player": "sign-up (League of Code)",
    "joined": "joining a match (League of Code)",
    "looking": "looking for members (League of Code)",
    "description": "change of a match (League of Code)",
    "student": "student entered",
    "student name": "student changed",
    "sync": "sync of a platform",
}

HEAD = """# Fault campaign

This page is written by the campaign itself (`make faults FAULTS="--document docs/faults.md"`); the numbers are those of
the run with seed {seeds}, which took {minutes} minutes.

In each round a small contest is played while things break: those who write use every API and send again what was not
answered, readers follow the feed in five roles, as lines and as server-sent events, at the server and at a relay, and
come back with their last token; two webhooks are called, one of which often fails. What was acknowledged is written to
a file outside the product and is on disk before it counts. When all is healed, the contest is ended and thawed, the
server is killed once more, and what it reads from the log is judged: every acknowledged write is there as it was
answered, in GET and in the feed; nothing is there twice, and nothing that nobody asked for; every reader has exactly
the feed as it is read from its beginning; that folds to what GET says, for every role; the scoreboard is that of a
slow and obvious implementation; `cds verify` finds nothing.
"""

TAIL = """
## Once more

`make faults SEED=… FAULTS="--round …"` repeats a round: what breaks, when and for how long follows from seed and
number. What else happens at the same moment does not, so a rare failure may take a few repetitions. A round that fails
prints its seed and keeps its directory: what was acknowledged, all logs, and the database. A short round and a little
tampering are among the tests of `make test`.

A disk that is full is simulated here by an error of the database. With a file system that has no room in truth, with no
more files to open, with a clock that is set, with too many connections, with an event that nobody can read, and with
the loss of the whole machine of the database, the tests of `tests/faults` and `tests/acceptance/test_failover.py` deal;
`make faults` does all of them.
"""

RECOVERED = """From the moment at which the database was back to the next acknowledgement of a write, by itself;
what was killed is back when it answers again. It is measured only where the server itself was there, and where nothing
else was broken before the next acknowledgement; on a machine that runs the writers and the readers too.
"""

TAMPERED = """Somebody with the database in his hands alters, removes, moves and adds rows of two contests and a ledger,
their heads, files, and what is derived from them. Each kind is tried at several places of several streams; it counts as
found where what `cds verify` names first is the very stream, row, file or checkpoint, and the very kind of difference.
The last kinds leave a log that is in order by itself: they are found with a head that was signed before.
"""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += [f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _told_of(final: Outcome) -> str:
    result = "; ".join(final.violations) or EXACT
    broken = ", ".join(f"{kind} {count}" for kind, count in sorted(final.faults.items(), key=lambda pair: -pair[1]))
    return (
        f"A contest of five hours (24 teams, 10 problems) was played by `cds simulate --live` in {final.seconds:.0f} s "
        f"on two workers, while {final.readers} readers of six roles followed at the server and at a relay. "
        f"{final.acknowledged:,} writes were acknowledged, readers resumed {final.resumed:,} times, and there were "
        f"{sum(final.faults.values())} faults: {broken}.\n\nIn the end {result}."
    )


def _killed(outcomes: Sequence[Outcome]) -> int:
    return sum(count for each in outcomes for kind, count in each.faults.items() if "SIGKILL" in kind)
