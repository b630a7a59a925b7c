"""Bad sources: each is refused with one line that names the place, and nothing else is ever raised."""

import io
import os
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds.dialects import translators
from cds.packages import collection_files, feed_lines, sources
from cds.packages.contents import SourceRefused
from cds.packages.limits import LINE_BYTES_MAX, MEBIBYTE
from cds.packages.reading import read_contest
from eventstore import limits as store_limits
from schemas.object_types import OBJECT_TYPES
from tests.cds.dialects.feeds import CLARIFICATION, CONTEST, JUDGEMENT, SUBMISSION, TEAM, typical
from tests.cds.dialects.test_values import EXPLODING
from tests.cds.packages.packages import Content, as_archive, as_directory, as_feed, png, small


def refusal(source: Path) -> str:
    with pytest.raises(SourceRefused) as refused:
        read_contest(source)
    words = str(refused.value)
    assert len(words.splitlines()) == 1
    return words


PACKAGES: list[tuple[dict[str, Content], str]] = [
    (
        {"x-platform-objects.json": b'{"came": 5}'},
        "x-platform-objects.json: Expected `object`, got `int` - at `$.came`",
    ),
    ({"x-platform-objects.json": b"{"}, "x-platform-objects.json: Input data was truncated"),
    ({"teams.json": b'[\n {"id": "t1"\n]'}, "teams.json:3: is not JSON"),
    ({"teams.json": b'[\n {"id": "t1", "id": "t2"}\n]'}, "teams.json:2: has the key 'id' twice"),
    ({"teams.json": b'{"id": "t1"}'}, "teams.json:1: holds an object where an array is expected"),
    ({"teams.json": b"[5]"}, "teams.json:1: teams holds 5 where an object is expected"),
    ({"teams.json": b'[\n{"id": "t1", "name": {}}]'}, "teams.json:2: teams/t1 name is not text"),
    ({"teams.json": b'[\n{"id": "a/b", "name": "x"}]'}, "teams.json:2: teams id is 'a/b': an id must not hold '/'"),
    ({"teams.json": [TEAM, TEAM]}, "teams.json:7: teams/t1 is there twice"),
    ({"teams.json": [{**TEAM, "id": []}]}, "teams.json:2: teams id is not an id"),
    (
        {"submissions.json": [{**SUBMISSION, "team_id": "t9"}]},
        "submissions.json:2: submissions/s1 team_id names teams/t9, which is not in the package",
    ),
    (
        {"teams.json": [{**TEAM, "organization_id": "o9"}]},
        "teams.json:2: teams/t1 organization_id names organizations/o9, which is not in the package",
    ),
    (
        {"judgements.json": [{**JUDGEMENT, "judgement_type_id": "TLE"}]},
        "judgements.json:2: judgements/j1 judgement_type_id names judgement-types/TLE, which is not in the package",
    ),
    (
        {"clarifications.json": [{**CLARIFICATION, "to_team_ids": ["t9"]}]},
        "clarifications.json:2: clarifications/q1 to_team_ids names teams/t9, which is not in the package",
    ),
    (
        {"contest.json": {**CONTEST, "main_scoreboard_group_id": "g9"}},
        "contest.json:1: contest main_scoreboard_group_id names groups/g9, which is not in the package",
    ),
    ({"contest.json": b"[]"}, "contest.json:1: contest holds [] where an object is expected"),
    ({"contest.json": {**CONTEST, "duration": 5}}, "contest.json:1: contest duration is not a relative time but 5"),
    ({"api.json": {"version": "1999-12"}}, "api.json: the version '1999-12' is not known (known: 2020-03, "),
    ({"api.json": b"["}, "api.json:1: is not JSON"),
    ({"api.json": b"[]"}, "api.json: holds [] where an object is expected"),
    ({"accounts.yaml": EXPLODING}, "accounts.yaml:"),
    ({"accounts.yaml": "a: ["}, "accounts.yaml:2: is not YAML"),
    ({"accounts.yaml": "a: 1"}, "accounts.yaml: holds {'a': '1'} where a list is expected"),
    (
        {"accounts.yaml": "- id: a1\n  username: [x]\n  type: judge\n"},
        "accounts.yaml:1: accounts/a1 username is not text",
    ),
]


@pytest.mark.parametrize(("files", "words"), PACKAGES, ids=[words for _, words in PACKAGES])
@pytest.mark.parametrize("packed", [False, True], ids=["directory", "archive"])
def test_broken_package(tmp_path: Path, files: dict[str, Content], words: str, packed: bool) -> None:
    files = small(**files)
    source = as_archive(tmp_path / "p.zip", files) if packed else as_directory(tmp_path / "p", files)
    assert refusal(source).startswith(words)


FEEDS: list[tuple[bytes, str]] = [
    (b'{"type": "teams"\n', "feed.ndjson:9: is not JSON"),
    (
        b'{"type":"teams","id":"t2","data":{"id":"t2","name":"a","name":"b"}}\n',
        "feed.ndjson:9: has the key 'name' twice",
    ),
    (b'{"type":"teams","data":{"id":"t2","name":NaN}}\n', "feed.ndjson:9: is not JSON"),
    (b'{"type":"teams","data":{"id":"t2","name":"\xff"}}\n', "feed.ndjson:9: is not JSON"),
    (b'{"type":"teams","data":' + b"[" * 200 + b"]" * 200 + b"}\n", "feed.ndjson:9: is nested deeper than"),
    (b'{"type":"teams","data":{"id":"a/b","name":"x"}}\n', "feed.ndjson:9: teams id is 'a/b'"),
    (b'{"type":"teams","data":{"id":"t2"}}\n', "feed.ndjson:9: teams/t2 name is missing"),
    (b"5\n", "feed.ndjson:9: is not a notification but 5"),
    (b'{"type":"groups"\n', "feed.ndjson:9: is not JSON"),
]


@pytest.mark.parametrize(("line", "words"), FEEDS)
def test_broken_feed(tmp_path: Path, line: bytes, words: str) -> None:
    feed = tmp_path / "feed.ndjson"
    feed.write_bytes(as_feed(*typical()) + line)
    assert refusal(feed).startswith(words)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[ ]\n"])
def test_feed_without_a_contest(tmp_path: Path, content: bytes) -> None:
    feed = tmp_path / "feed.ndjson"
    feed.write_bytes(content)
    assert refusal(feed).startswith("feed.ndjson: there is no contest in it")


def test_broken_array_feed_names_its_line(tmp_path: Path) -> None:
    feed = tmp_path / "feed.json"
    feed.write_bytes(b'[\n{"type": "teams"},\n{"type": "teams", "type": "x"}]')
    assert refusal(feed) == "feed.json:3: has the key 'type' twice in one object"


@pytest.mark.parametrize("packed", [False, True])
def test_hundred_megabytes_of_one_line(tmp_path: Path, packed: bool) -> None:
    """Refused after little more than the limit was read, in an archive too."""
    if packed:
        source = tmp_path / "p.zip"
        noise = os.urandom(2 * MEBIBYTE).replace(b"\n", b"x")
        with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("event-feed.ndjson", as_feed(*typical()) + noise * 50)
    else:
        source = tmp_path / "event-feed.ndjson"
        with source.open("wb") as stream:
            stream.write(as_feed(*typical()))
            stream.truncate(100 * MEBIBYTE)
    assert refusal(source) == f"event-feed.ndjson:9: is a line of more than {LINE_BYTES_MAX} bytes"


def test_empty_directory(tmp_path: Path) -> None:
    assert "no contest.json, contest.yaml or event-feed.ndjson in it" in refusal(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    assert "there is no such file or directory" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_archive_that_leads_out(tmp_path: Path, name: str) -> None:
    words = refusal(as_archive(tmp_path / "p.zip", {**small(), name: b"x"}))
    assert words.startswith("p.zip: the entry '")


def test_archive_with_a_symbolic_link(tmp_path: Path) -> None:
    source = as_archive(tmp_path / "p.zip", small())
    link = zipfile.ZipInfo("teams/t1/photo.png")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a symbolic link" in refusal(source)


def test_archive_with_a_name_twice(tmp_path: Path) -> None:
    source = as_archive(tmp_path / "p.zip", small())
    with zipfile.ZipFile(source, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("teams.json", b"[]")
    assert refusal(source) == "p.zip: holds 'teams.json' twice"


def test_zip_bomb_by_its_header(tmp_path: Path) -> None:
    source = as_archive(tmp_path / "p.zip", {**small(), "submissions/s1/files.zip": bytes(64 * MEBIBYTE)})
    assert refusal(source) == "submissions/s1/files.zip: unpacks to more than 250 times its size"


def test_zip_bomb_that_lies_in_its_header(tmp_path: Path) -> None:
    """What unpacking really gives is counted, and the archive's own checks fail on the rest."""
    source = as_archive(tmp_path / "p.zip", {**small(), "teams.json": b"[" + b" " * (64 * MEBIBYTE) + b"]"})
    content = source.read_bytes()
    real = (64 * MEBIBYTE + 2).to_bytes(4, "little")
    source.write_bytes(content.replace(real, (1000).to_bytes(4, "little")))
    assert refusal(source).startswith("teams.json: ")


def test_unpacked_total_is_counted_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = as_archive(tmp_path / "p.zip", small())
    archive = sources.ZipSource(source)
    monkeypatch.setattr(sources, "UNPACKED_BYTES_MAX", 100)
    archive.read("state.json", MEBIBYTE)
    with pytest.raises(SourceRefused, match=r"^p\.zip: unpacks to more than 100 bytes$"):
        archive.read("submissions.json", MEBIBYTE)
    archive.close()


@pytest.mark.parametrize(
    ("module", "limit", "value", "words"),
    [
        (sources, "ARCHIVE_ENTRIES_MAX", 3, "p.zip: holds more than 3 entries"),
        (sources, "UNPACKED_BYTES_MAX", 100, "p.zip: unpacks to more than 100 bytes"),
        (collection_files, "COLLECTION_BYTES_MAX", 100, "contest.json: is larger than 100 bytes"),
        (translators, "OBJECTS_MAX", 4, "problems.json:2: there are more than 4 objects"),
        (store_limits, "FILE_BYTES_MAX", 10, "contest/logo.png: is larger than 10 bytes"),
    ],
)
def test_limits_have_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str, value: int, words: str
) -> None:
    extra = {"contest/logo.png": png(5, 5)} if limit == "FILE_BYTES_MAX" else {}
    monkeypatch.setattr(module, limit, value)
    assert refusal(as_archive(tmp_path / "p.zip", {**small(), **extra})) == words


def test_feed_size_and_yaml_size_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_lines, "FEED_BYTES_MAX", 500)
    feed = tmp_path / "feed.ndjson"
    feed.write_bytes(as_feed(*typical()))
    assert refusal(feed) == "feed.ndjson:4: the feed is larger than 500 bytes"
    monkeypatch.setattr(collection_files, "YAML_BYTES_MAX", 5)
    source = as_directory(tmp_path / "p", {**small(), "accounts.yaml": "- id: a1\n"})
    assert refusal(source) == "accounts.yaml: is larger than 5 bytes"


@pytest.mark.parametrize("path", ["teams.json", "teams/t1/photo.png", "teams", "teams/t1"])
def test_link_that_leads_out_of_a_directory(tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    as_directory(outside, {"photo.png": png(2, 2), "t1/photo.png": png(2, 2), "teams.json": b"[]"})
    source = as_directory(tmp_path / "p", small())
    target = source / path
    if target.exists():
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    goals = {"teams.json": "teams.json", "teams/t1/photo.png": "photo.png", "teams": "", "teams/t1": "t1"}
    target.symlink_to(outside / goals[path])
    assert refusal(source).endswith("is a link that leads out of the package")


def test_link_inside_a_directory_is_followed(tmp_path: Path) -> None:
    source = as_directory(tmp_path / "p", {**small(), "pictures/x.png": png(2, 2)})
    (source / "teams" / "t1").mkdir(parents=True)
    (source / "teams" / "t1" / "photo.png").symlink_to(source / "pictures" / "x.png")
    assert len(read_contest(source).files) == 1


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    source = as_directory(tmp_path / "p", small())
    (source / "teams.json").unlink()
    os.mkfifo(source / "teams.json")
    assert refusal(source) == "teams.json: is not a regular file"


def test_encrypted_and_otherwise_packed_archives(tmp_path: Path) -> None:
    source = as_archive(tmp_path / "p.zip", {"contest.json": {**CONTEST}})
    content = bytearray(source.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(content)
    assert refusal(source) == "p.zip: the entry 'contest.json' is encrypted"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("contest.json", b"{}")
    assert "is packed by a method other than deflate" in refusal(source)


def test_archive_that_is_damaged(tmp_path: Path) -> None:
    source = as_archive(tmp_path / "p.zip", small())
    content = source.read_bytes()
    source.write_bytes(content[:200] + bytes(50) + content[250:])
    assert "cannot be unpacked" in refusal(source)
    source.write_bytes(content[: len(content) // 2])
    assert refusal(source).startswith("p.zip: cannot be unpacked (")


def test_file_that_changes_while_it_is_being_read(tmp_path: Path) -> None:
    source = as_directory(tmp_path / "p", {**small(), "contest/logo.png": png(2, 2)})
    (file,) = read_contest(source).files.values()
    (source / "contest" / "logo.png").write_bytes(png(2, 1))
    with pytest.raises(SourceRefused, match=r"^contest/logo\.png: "):
        file.read()


def reads_or_refuses(source: Path) -> None:
    """Whatever the bytes: contents, or one line."""
    try:
        read_contest(source)
        words = "read"
    except SourceRefused as refused:
        words = str(refused)
    assert len(words.splitlines()) == 1


def mutated(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a few of them changed, and perhaps cut off."""

    def change(places: list[tuple[int, int]], length: int) -> bytes:
        changed = bytearray(content)
        for place, value in places:
            changed[place] = value
        return bytes(changed[:length])

    last = len(content) - 1
    place = st.tuples(st.integers(0, last), st.integers(0, 255))
    return st.builds(change, st.lists(place, max_size=6), st.integers(last // 2, last + 1) | st.just(last + 1))


def archived(files: dict[str, Content]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content if isinstance(content, bytes | str) else b"[]")
    return buffer.getvalue()


FEED_BYTES = as_feed(*typical(("clarifications", CLARIFICATION), ("judgements", JUDGEMENT)))
ARCHIVE_BYTES = archived(
    {"contest.json": as_feed(CONTEST), "teams.json": as_feed([TEAM]), "contest/logo.png": png(3, 3)}
)
YAML_TEXTS = st.text(alphabet="id: []{}-&*a\n'\"|>!#12", max_size=80)

Writer = Callable[[Path, bytes], Path]


def written_feed(root: Path, content: bytes) -> Path:
    (root / "feed.ndjson").write_bytes(content)
    return root / "feed.ndjson"


def written_archive(root: Path, content: bytes) -> Path:
    (root / "package.zip").write_bytes(content)
    return root / "package.zip"


def written_accounts(root: Path, content: bytes) -> Path:
    return as_directory(root / "package", {**small(), "accounts.yaml": content})


FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.binary(max_size=200) | mutated(FEED_BYTES))
def test_any_bytes_as_feed(tmp_path: Path, content: bytes) -> None:
    reads_or_refuses(written_feed(tmp_path, content))


@FUZZ
@given(st.binary(max_size=200) | mutated(ARCHIVE_BYTES))
def test_any_bytes_as_archive(tmp_path: Path, content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reads_or_refuses(written_archive(tmp_path, content))


@FUZZ
@given(st.binary(max_size=200) | YAML_TEXTS.map(str.encode) | mutated(b"- id: a1\n  username: &x u\n  type: judge\n"))
def test_any_bytes_as_yaml(tmp_path: Path, content: bytes) -> None:
    reads_or_refuses(written_accounts(tmp_path, content))


@FUZZ
@given(st.data())
def test_any_json_as_objects(tmp_path: Path, data: st.DataObject) -> None:
    """Every property of every type with every kind of value, as a line of a feed."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("t1"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "href", "x"]), inner),
        max_leaves=5,
    )
    base = data.draw(st.sampled_from(typical(("judgements", JUDGEMENT), ("clarifications", CLARIFICATION))))
    row = OBJECT_TYPES[str(base["type"])]
    names = st.sampled_from([*row.properties, "hidden", "role", "valid", "group_id", "to_team_id", "password", "x"])
    changed = base["data"]
    assert isinstance(changed, dict)
    notification = {**base, "data": {**changed, **data.draw(st.dictionaries(names, values, max_size=3))}}
    try:
        content = as_feed(*typical(), notification)
    except TypeError:  # an integer beyond 64 bits cannot be written by the encoder of the test
        return
    reads_or_refuses(written_feed(tmp_path, content))
