"""Files at an edge whose disk is full, whose directory is gone, or that may keep no more: the core gives them."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from structlog.testing import capture_logs

from cds import metrics
from cds.edge import files
from cds.edge.file_directory import HELD, PREFIX
from tests.cds.edge.edges import SOON, Spread, edging, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGO, OTHER, LARGE = (
    "contests/small/logo/logo.png",
    "contests/small/organizations/north/logo/logo.56.png",
    "contests/small/organizations/north/logo/logo.160.png",
)
Making = Callable[[], tuple[int, str]]


def full_at_once() -> tuple[int, str]:
    """No file can be made."""
    raise OSError(errno.ENOSPC, "No space left on device")


def full_in_the_end() -> tuple[int, str]:
    """A file into which nothing can be written."""
    return os.open("/dev/full", os.O_WRONLY), "/nowhere/file"


@contextmanager
def making(make: Making) -> Iterator[list[str]]:
    """Files are made like that within the block; where it was tried."""
    tried = list[str]()

    def mkstemp(*, dir: Path) -> tuple[int, str]:
        tried.append(str(dir))
        return make()

    with patch.object(tempfile, "mkstemp", mkstemp):
        yield tried


def kept(data_dir: Path) -> list[Path]:
    """The files that are kept on disk."""
    return [each for each in data_dir.glob(f"{PREFIX}*/*") if each.name != HELD]


async def test_a_file_that_cannot_be_written_is_passed_on(spread_small: Spread, tmp_path: Path) -> None:
    """It is tried again after a while, and told once as long as it lasts."""
    core, unwritten = spread_small.core.caller(), metrics.EDGE_FILES_UNWRITTEN._value
    async with edging(spread_small.core.root, spread_small.nats, tmp_path) as edge:
        await edge.follows("small")
        before = unwritten.get()
        for number, (path, make) in enumerate(((LOGO, full_at_once), (OTHER, full_in_the_end))):
            expected = told(await core.get(path))
            with capture_logs() as logs, making(make) as tried:
                for pause_s, tries in ((60.0, 1), (60.0, 1), (0.0, 2)):
                    with patch.object(files, "DISK_PAUSE_S", pause_s):
                        assert told(await edge.caller().get(path)) == expected
                    assert len(tried) == tries
            assert unwritten.get() == before + 2 * (number + 1)
            assert [each["event"] for each in logs].count("edge_files_unwritten") == 1
            with patch.object(files, "DISK_PAUSE_S", 0.0):
                assert told(await edge.caller().get(path)) == expected
            assert len(kept(tmp_path)) == number + 1
        # A cleaner of old files may have been there.
        for each in tmp_path.glob(f"{PREFIX}*"):
            shutil.rmtree(each)
        for path in (LOGO, OTHER, LARGE):
            for _ in range(2):
                assert told(await edge.caller().get(path)) == told(await core.get(path))
        assert unwritten.get() == before + 5


async def test_no_more_is_kept_than_may_be(spread_small: Spread, tmp_path: Path) -> None:
    """Whoever was asked for last stays; what is too large for all that may be is passed on, and drives nobody out."""
    core = spread_small.core.caller()
    sizes = {path: len((await core.get(path)).body) for path in (LOGO, OTHER, LARGE)}
    limits = msgspec.structs.replace(SOON, files_bytes_max=sizes[OTHER] + sizes[LOGO] - 1)
    async with edging(spread_small.core.root, spread_small.nats, tmp_path, limits=limits) as edge:
        await edge.follows("small")
        assert sizes[LARGE] > limits.files_bytes_max > max(sizes[LOGO], sizes[OTHER])
        for path, stays in ((LOGO, LOGO), (OTHER, OTHER), (LARGE, OTHER), (LOGO, LOGO)):
            assert told(await edge.caller().get(path)) == told(await core.get(path))
            assert [each.stat().st_size for each in kept(tmp_path)] == [sizes[stays]]
