"""`cds verify`: reads what it is given, verifies, and tells what differs.

This module speaks to the person at the command line; it must not know what counts as a difference.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from cds.place import Place
from cds.progress import shown_progress
from cds.signed_heads import KEY_BYTES, HeadRefused, SignedHead, grouped, read_head, read_key, time_text
from cds.verifying.verification import Choices, Verified, verify
from eventstore.verifying import Difference, StreamEnd

KEY_CHARACTERS_MIN = 2 * KEY_BYTES
"""A shorter text is no key, and may be the name of a file."""

LINE_CHARACTERS_MAX = 1_000
"""The limit for one line that is told: an id may have two thousand bytes."""

TYPED = "utf-8-sig"
"""The encoding of texts that people have typed: some editors put a mark before the first word."""

DIFFERENCES_SHOWN_MAX = 50
"""Differences that are told one by one; all are counted."""


async def run_verification(place: Place, choices: Choices, *, verbose: bool, found: Callable[[Verified], None]) -> None:
    """Verify the log there, tell what came of it, and hand that to `found`. Raises as `verify`."""
    with shown_progress() as report:
        async with place.dsn(make=False) as dsn:
            verified = await verify(dsn, choices, report)
    if verbose:
        differing = Counter(difference.where for difference in verified.differences)
        for end in verified.ends:
            click.echo(_told_of_stream(end, differing[end.where]))
    for head in choices.heads:
        click.echo(_told_of_head(head, compared=choices.public_key is not None))
    for note in verified.notes:
        click.echo(f"note: {on_one_line(note)}")
    _tell_differences(verified.differences)
    click.echo(_summary(verified, quick=choices.quick))
    found(verified)


def read_heads(paths: tuple[Path, ...]) -> tuple[SignedHead, ...]:
    """The heads in these files. Raises OSError, UnicodeDecodeError and HeadRefused."""
    return tuple(read_head(path.read_text(encoding=TYPED)) for path in paths)


def read_public_key(text: str) -> bytes:
    """A public key, or that in the file of this name. Raises OSError, UnicodeDecodeError and HeadRefused."""
    if len(text) >= KEY_CHARACTERS_MIN:
        return read_key(text)
    if not Path(text).is_file():
        raise HeadRefused(
            f"{text!r} is neither a public key (of {KEY_CHARACTERS_MIN} digits) nor a file that holds one"
        )
    return read_key(Path(text).read_text(encoding=TYPED))


def _tell_differences(differences: list[Difference]) -> None:
    """The first one prominently, then the others, as many as people can read."""
    if not differences:
        return
    click.secho(f"FIRST DIFFERENCE: {_told(differences[0])}", bold=True, fg="red")
    for difference in differences[1:DIFFERENCES_SHOWN_MAX]:
        click.echo(f"difference: {_told(difference)}")
    if len(differences) > DIFFERENCES_SHOWN_MAX:
        click.echo(f"and {len(differences) - DIFFERENCES_SHOWN_MAX} more differences")


def _told(difference: Difference) -> str:
    place = "" if difference.position is None else f", row {difference.position}"
    return on_one_line(f"{difference.where}{place}: {difference.kind}: {difference.told}")


def _told_of_head(head: SignedHead, *, compared: bool) -> str:
    key = f"signed under {grouped(head.public_key)}"
    whose = "" if compared else " (whose key that is was not asked: --key)"
    return f"head of {counted(len(head.streams), 'stream')} at {time_text(head.time_s)}, {key}{whose}"


def _told_of_stream(end: StreamEnd, differences: int) -> str:
    outcome = counted(differences, "difference") if differences else "as it was written"
    return on_one_line(f"{end.where}: {counted(end.last, 'row')}, chain {end.head.chain.hex()[:16]}: {outcome}")


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def on_one_line(text: str) -> str:
    """A text from the log as a terminal may show it: whoever has altered a row may have put anything there."""
    shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)
    return shown if len(shown) <= LINE_CHARACTERS_MAX else f"{shown[:LINE_CHARACTERS_MAX]}…"


def _summary(verified: Verified, *, quick: bool) -> str:
    looked_at = [f"{counted(verified.rows, 'row')} of {counted(len(verified.ends), 'stream')}"]
    if not quick:
        looked_at.append(counted(verified.files, "file"))
        looked_at.append(counted(verified.checkpoints, "checkpoint"))
        looked_at.append(counted(verified.snapshots, "snapshot"))
    outcome = counted(len(verified.differences), "difference") if verified.differences else "no difference"
    return f"verified {', '.join(looked_at)} in {verified.took_s:.1f} s: {outcome}"
