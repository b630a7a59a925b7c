"""Files that an upstream names: fetched once, verified, kept by their address, and told in one more event."""

import hashlib
from io import BytesIO

import msgspec
import pytest
from PIL import Image

from cds.upstream import fetching, source
from cds.upstream.file_keeping import ATTEMPTS_MAX
from eventstore.memory import MemoryStore
from schemas.objects import Organization, Submission, Team
from tests.cds.dialects.feeds import CONTEST, SUBMISSION, TEAM, TYPICAL, Plain
from tests.cds.upstream.stage import Followed, followed, options_for
from tests.cds.upstream.upstream import PATH, Upstream, line, serving

LOGO = f"{PATH}/organizations/o1/logo"
HREF = "contests/up/organizations/o1/logo"


def picture(colour: str = "red") -> bytes:
    """A PNG of 4 by 3 pixels."""
    out = BytesIO()
    Image.new("RGB", (4, 3), colour).save(out, "PNG")
    return out.getvalue()


def md5(content: bytes) -> str:
    """What a source says of a file."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def organization(**reference: object) -> bytes:
    """A line that names a logo."""
    logo: Plain = {"href": HREF, "filename": "logo.png", "mime": "image/png", **reference}
    return line("organizations", {"id": "o1", "name": "O", "formal_name": "O", "logo": [logo]})


def logo_of(following: Followed) -> Organization:
    """The organization as it stands."""
    found = following.contest.state.objects["organizations"]["o1"]
    assert isinstance(found, Organization)
    return found


async def fetched(following: Followed) -> None:
    """Wait until every file is here."""
    await following.until(lambda: len(following.source.following.files) > 0)
    await following.source.settled()


@pytest.mark.parametrize(
    "href",
    [HREF, f"/api/{HREF}", "http://127.0.0.1:{port}/api/" + HREF, f"/{HREF}"],
    ids=["relative", "from the host", "whole", "relative with a slash"],
)
async def test_an_object_comes_at_once_and_its_file_when_it_is_there(memory_store: MemoryStore, href: str) -> None:
    """Then it is told once more, with the reference; the bytes are in our store."""
    upstream = Upstream()
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        upstream.say(line("contest", CONTEST), organization(href=href.replace("{port}", str(upstream.port))))
        await following.until_taken(2)
        assert "o1" in following.contest.state.objects["organizations"]
        await fetched(following)
        (logo,) = logo_of(following).logo or []
        assert (logo.filename, logo.mime, logo.width, logo.height) == ("logo.png", "image/png", 4, 3)
        assert logo.hash == md5(picture())
        assert await memory_store.file(hashlib.sha256(picture()).hexdigest()) == picture()
        events = await memory_store.read("contest:c1", 0, 100)
        assert [each.type for each in events] == ["contest", "organizations", "organizations", "state"][: len(events)]
        status = following.source.standing.status()
        assert (status.files.fetched, status.files.pending, status.files.failed) == (1, 0, 0)
        assert not any("logo" in each.property for each in status.warnings.last)


async def test_the_same_file_is_fetched_once(memory_store: MemoryStore) -> None:
    """However often it is named, and by whom; also after a restart."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(picture())), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream):
        async with followed(memory_store, options_for(upstream)) as following:
            await fetched(following)
            upstream.say(organization(hash=md5(picture()), tag=["dark"]))
            await following.until(lambda: (logo_of(following).logo or [])[0].tag == ["dark"])
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until(lambda: following.source.standing.state == "following")
    assert upstream.fetched.count(LOGO) == 1


async def test_another_hash_is_another_file(memory_store: MemoryStore) -> None:
    """And is fetched."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(picture()))])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await fetched(following)
        upstream.files[LOGO] = picture("blue")
        upstream.say(organization(hash=md5(picture("blue"))))
        await following.until(lambda: [each.hash for each in logo_of(following).logo or []] == [md5(picture("blue"))])


async def test_a_file_that_is_not_what_is_said_is_not_served(memory_store: MemoryStore) -> None:
    """It is an oddity with the object's name, and asked for again: when it is right, it is there."""
    upstream = Upstream([line("contest", CONTEST), organization(hash=md5(b"other"))])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        await following.source.settled()
        assert logo_of(following).logo is None
        (warning,) = [each for each in following.source.standing.status().warnings.last if "MD5" in each.text]
        assert (warning.type, warning.id) == ("organizations", "o1")
        assert upstream.fetched.count(LOGO) == ATTEMPTS_MAX
        upstream.files[LOGO] = b"other"
        await following.until(lambda: not following.source.following.files.given_up)


async def test_a_file_that_comes_later_is_told_when_it_comes(memory_store: MemoryStore) -> None:
    """404 at first, which nobody has to live with."""
    upstream = Upstream([line("contest", CONTEST), organization()])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        upstream.files[LOGO] = picture()
        await following.until(lambda: bool(logo_of(following).logo))
        assert following.source.standing.status().files.failed == 0


async def test_a_file_that_is_too_large_is_left(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without holding all of it."""
    monkeypatch.setattr(fetching, "FILE_BYTES_MAX", 10)
    upstream = Upstream([line("contest", CONTEST), organization()])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: bool(following.source.following.files.given_up))
        assert "larger" in next(iter(following.source.following.files.given_up.values()))


async def test_credentials_do_not_leave_for_another_host(memory_store: MemoryStore) -> None:
    """A file there is asked for as anybody may."""
    upstream, other = Upstream([line("contest", CONTEST)]), Upstream()
    other.files["/logo.png"] = picture()
    async with serving(upstream), serving(other):
        options = options_for(upstream, username="me", password="sesame")
        async with followed(memory_store, options) as following:
            upstream.say(organization(href=f"http://127.0.0.1:{other.port}/logo.png"))
            await fetched(following)
            assert bool(logo_of(following).logo)
    assert other.logins == [None]
    assert upstream.logins[0] is not None


async def test_a_file_that_an_object_no_longer_names_is_not_put_back(memory_store: MemoryStore) -> None:
    """Nor is an object that is gone."""
    upstream = Upstream([line("contest", CONTEST), organization(), line("organizations", None, identifier="o1")])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(3)
        assert not following.source.following.lacking_files()
        assert not following.contest.state.objects["organizations"]


async def test_sources_and_reactions_are_fetched_and_live_streams_are_links(memory_store: MemoryStore) -> None:
    """What is recorded is served by us; what is live stays where it is."""
    files: Plain = {"href": "contests/up/submissions/s1/files", "mime": "application/zip"}
    reaction: Plain = {"href": "contests/up/submissions/s1/reaction", "mime": "video/mp4", "filename": "reaction.mp4"}
    webcam: Plain = {"href": "http://127.0.0.1:9/webcam.ts", "mime": "video/mp2t", "filename": "webcam.ts"}
    lines = [line(name, data) for name, data in TYPICAL if name != "submissions"]
    lines += [line("submissions", {**SUBMISSION, "files": [files], "reaction": [reaction]})]
    upstream = Upstream([*lines, line("teams", {**TEAM, "webcam": [webcam]})])
    upstream.files[f"{PATH}/submissions/s1/files"] = b"PK\x05\x06" + bytes(18)
    upstream.files[f"{PATH}/submissions/s1/reaction"] = b"a video"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: len(following.source.following.files) == 2)
        await following.source.settled()
        submission, team = (
            following.contest.state.objects[name][each] for name, each in (("submissions", "s1"), ("teams", "t1"))
        )
        assert isinstance(submission, Submission)
        assert isinstance(team, Team)
        assert [each.content is not None for each in submission.files or []] == [True]
        assert [each.content is not None for each in submission.reaction or []] == [True]
        assert [each.href for each in team.webcam or []] == [webcam["href"]]


async def test_the_end_of_the_updates_waits_for_files_but_not_for_ever(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind it nothing could be added."""
    monkeypatch.setattr(source, "END_FILES_S_MAX", 0.5)
    ended = {**msgspec.json.decode(STATE), "end_of_updates": "2024-01-01T16:00:01.000+01:00"}
    upstream = Upstream([line("contest", CONTEST), organization(), line("state", ended)])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        upstream.file_status = 500
        await following.until(following.task.done)
        assert following.contest.state.ended_updates
        assert following.source.standing.status().files.failed == 1


async def test_the_last_file_comes_before_the_end_of_the_updates(memory_store: MemoryStore) -> None:
    """However late it is told of."""
    ended = {**msgspec.json.decode(STATE), "end_of_updates": "2024-01-01T16:00:01.000+01:00"}
    upstream = Upstream([line("contest", CONTEST), organization(), line("state", ended)])
    upstream.files[LOGO] = picture()
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until(following.task.done)
        assert bool(logo_of(following).logo)
        assert following.contest.state.ended_updates


STATE = b"""{"started":"2024-01-01T10:00:00.000+01:00","ended":"2024-01-01T15:00:00.000+01:00",
"finalized":"2024-01-01T16:00:00.000+01:00"}"""
