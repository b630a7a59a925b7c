"""The archives of submissions: small ones are kept with the event, others before it, those of refused ones never."""

import random
from hashlib import sha256

import pytest

from cds.archives import UNPACKED_SOON_BYTES_MAX
from cds.contest_api.written_bodies import SMALL_FILE_BYTES_MAX
from tests.cds.contest_api.live_contest_setup import FROZEN, Play, archive, data_of, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")

KIB = 1024
SMALL = archive({"main.cc": "int main() {}"})
NOT_SMALL = archive({"main.cc": random.Random(1).randbytes(2 * SMALL_FILE_BYTES_MAX)})
SMALL_UNTIL_UNPACKED = archive({"main.cc": bytes(2 * UNPACKED_SOON_BYTES_MAX)})
ARCHIVES = {"small": SMALL, "not small": NOT_SMALL, "small until unpacked": SMALL_UNTIL_UNPACKED}


async def is_kept(live: Play, content: bytes) -> bool:
    """Whether the store has a file."""
    return await live.server.store.file_size_bytes(sha256(content).hexdigest()) is not None


async def test_the_archives_are_what_they_are_called() -> None:
    assert len(SMALL) <= SMALL_FILE_BYTES_MAX < len(NOT_SMALL)
    assert len(SMALL_UNTIL_UNPACKED) <= SMALL_FILE_BYTES_MAX


@pytest.mark.parametrize("name", ARCHIVES)
async def test_what_is_submitted_can_be_had(live: Play, name: str) -> None:
    """Whichever way it went, at once."""
    submission_id = await live.submitted("team-one", files=[{"data": data_of(ARCHIVES[name])}])
    answer = await live.caller("judge").get(f"contests/live/submissions/{submission_id}/files")
    assert answer.body == ARCHIVES[name]


@pytest.mark.parametrize("name", ARCHIVES)
async def test_of_what_is_refused_nothing_is_kept(live: Play, name: str) -> None:
    """By a rule of the problem that only the archive can break, and by one that the decision knows."""
    files = [{"data": data_of(ARCHIVES[name])}]
    if len(ARCHIVES[name]) > KIB or name != "small":
        await live.refused(
            "team-one", "POST", "submissions", submission(problem_id="bridges", files=files), 400, names="files"
        )
    await live.refused("team-one", "POST", "submissions", submission(language_id="cobol", files=files), 400)
    await live.at(FROZEN * 2)
    await live.refused("team-one", "POST", "submissions", submission(files=files), 403)
    assert not await is_kept(live, ARCHIVES[name])
