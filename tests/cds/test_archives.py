"""Archives of sources: what is accepted, and that no crafted archive gets through or breaks anything."""

import io
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.archives import (
    ENTRIES_MAX,
    ENTRY_POINT_CHARACTERS_MAX,
    PACKED_BYTES_MAX,
    UNPACKED_BYTES_MAX,
    ArchiveEntry,
    check_entry_point,
    checked_archive,
)
from cds.commands.decision import Refused
from schemas.objects import Language

MAIN = b"print('hello')\n"
WHOLE_MEBIBYTE = 1024 * 1024


def archive_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def archive_of_entries(*entries: zipfile.ZipInfo) -> bytes:
    """A zip archive of entries with content, made as they say."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for entry in entries:
            archive.writestr(entry, b"" if entry.is_dir() else MAIN)
    return packed.getvalue()


def named_raw(name: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of one file whose name is exactly these bytes."""
    placeholder = b"x" * len(name)
    return archive_of({placeholder.decode(): MAIN}, method).replace(placeholder, name)


def special(name: str, mode: int) -> zipfile.ZipInfo:
    """An entry that says that it is of a special kind."""
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    return entry


def directory_entry_changed(content: bytes, offset: int, value: bytes) -> bytes:
    """The archive with bytes of its (only) directory entry replaced."""
    start = content.index(b"PK\x01\x02") + offset
    return content[:start] + value + content[start + len(value) :]


def refusal(content: bytes, code_limit_kib: int | None = None) -> str:
    """The reason why an archive is refused."""
    with pytest.raises(Refused) as refused:
        checked_archive(content, code_limit_kib=code_limit_kib)
    assert (refused.value.property, refused.value.ground) == ("files", "invalid")
    assert "\n" not in refused.value.reason
    return refused.value.reason


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_files_of_a_sound_archive_are_told_with_their_sizes(method: int) -> None:
    content = archive_of({"Main.java": MAIN, "src/": b"", "src/Überlegung 1.java": b"", "src/b.java": b"abc"}, method)
    assert checked_archive(content, code_limit_kib=256) == (
        ArchiveEntry("Main.java", len(MAIN)),
        ArchiveEntry("src/Überlegung 1.java", 0),
        ArchiveEntry("src/b.java", 3),
    )


def test_an_archive_that_was_written_as_a_stream_is_accepted() -> None:
    class Pipe(io.RawIOBase):
        """Where nobody can go back to fill in sizes, so that they stand behind the files."""

        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, chunk: object, /) -> int:
            assert isinstance(chunk, bytes)
            self.content += chunk
            return len(chunk)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", MAIN)
    assert checked_archive(bytes(pipe.content), code_limit_kib=None) == (ArchiveEntry("main.py", len(MAIN)),)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"not a zip", b"PK\x03\x04" + b"\0" * 40, b"PK\x05\x06" + b"\xff" * 18, MAIN * 1_000]
)
def test_what_is_no_zip_archive_is_refused(content: bytes) -> None:
    assert refusal(content) == "the file is not a zip archive that can be unpacked"


def test_an_archive_without_a_file_is_refused() -> None:
    assert refusal(archive_of({})) == "the archive holds no file"
    assert refusal(archive_of({"src/": b""})) == "the archive holds no file"


@pytest.mark.parametrize(
    "name",
    [
        b"../main.py",
        b"src/../../main.py",
        b"src/..",
        b"/etc/passwd",
        b"//server/share",
        b"C:/windows/main.py",
        b"c:main.py",
        b"..\\main.py",
        b"src\\main.py",
        b"\\main.py",
        b"./main.py",
        b"src//main.py",
        b"main.py\0.txt",
        b"main\n.py",
        b"main\r\nX-Header: 1",
        b"\x1b[2Jmain.py",
        b"m" * 256,
    ],
)
def test_a_path_that_leads_elsewhere_or_is_no_text_is_refused(name: bytes) -> None:
    reason = refusal(named_raw(name))
    assert "leads out of the archive" in reason or "no path of printable characters" in reason


def test_a_name_that_says_it_is_unicode_and_is_not_is_refused() -> None:
    content = archive_of({"é.py": MAIN}).replace("é".encode(), b"\xff\xff")
    assert refusal(content) == "the file is not a zip archive that can be unpacked"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_other_special_files_are_refused(kind: int) -> None:
    content = archive_of_entries(special("main.py", kind | 0o777))
    assert refusal(content) == "'main.py' is a link or another special file"


def test_a_regular_file_with_its_mode_is_accepted() -> None:
    assert checked_archive(archive_of_entries(special("main.py", stat.S_IFREG | 0o644)), code_limit_kib=None)


def test_one_name_twice_is_refused() -> None:
    content = archive_of({"a.py": MAIN, "b.py": MAIN}).replace(b"b.py", b"a.py")
    assert refusal(content) == "'a.py' is in the archive twice"


def test_a_file_that_is_a_directory_too_is_refused() -> None:
    assert refusal(archive_of({"a/b.py": MAIN, "a": MAIN})) == "'a' is a file and a directory in one archive"
    assert refusal(archive_of({"a/": b"", "a": MAIN})) == "'a' is in the archive twice"


def test_too_many_entries_are_refused() -> None:
    names = [f"{number}.py" for number in range(ENTRIES_MAX + 1)]
    assert len(checked_archive(archive_of(dict.fromkeys(names[:-1], b"")), code_limit_kib=1)) == ENTRIES_MAX
    assert refusal(archive_of(dict.fromkeys(names, b""))) == "the archive has 101 entries; at most 100 are accepted"


def test_an_archive_of_nothing_but_entries_is_refused_before_its_directory_is_read() -> None:
    content = archive_of({"a": b""})
    entry = content[content.index(b"PK\x01\x02") : content.index(b"PK\x05\x06")]
    assert refusal(content[:31] + entry * 100_000) == "the archive has more than 100 entries"


def test_an_archive_that_is_too_large_packed_is_refused() -> None:
    assert refusal(b"\0" * (PACKED_BYTES_MAX + 1)).startswith(f"the archive has {PACKED_BYTES_MAX + 1} bytes")


def test_a_bomb_is_refused_when_it_passes_the_limit() -> None:
    zeros = b"\0" * WHOLE_MEBIBYTE
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(
        [*(packing.compress(zeros) for _ in range(UNPACKED_BYTES_MAX // len(zeros) + 1)), packing.flush()]
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("bomb", packed)
    deflated = struct.pack("<H", zipfile.ZIP_DEFLATED)
    bomb = content.getvalue()
    # Say that the stored bytes are deflated ones, in the local header and in the directory.
    bomb = bomb[:8] + deflated + bomb[10:]
    bomb = directory_entry_changed(bomb, 10, deflated)
    assert refusal(bomb) == f"the files of the archive have more than the {UNPACKED_BYTES_MAX} bytes that are accepted"


def test_the_limit_of_the_problem_counts_all_files_together() -> None:
    content = archive_of({"a.py": b"x" * 1_000, "b.py": b"y" * 24})
    assert len(checked_archive(content, code_limit_kib=1)) == 2
    larger = archive_of({"a.py": b"x" * 1_000, "b.py": b"y" * 25})
    assert refusal(larger, 1) == "the files of the archive have more than the 1024 bytes that are accepted"
    assert len(checked_archive(larger, code_limit_kib=None)) == 2


def test_a_directory_that_tells_a_smaller_size_deceives_nobody() -> None:
    """zipfile itself would stop at the size that is told, and a checksum can be made to fit."""
    content = archive_of({"main.py": b"x" * 10_000})
    told = struct.pack("<L", zlib.crc32(b"x" * 5)), struct.pack("<L", 5)
    lying = directory_entry_changed(directory_entry_changed(content, 16, told[0]), 24, told[1])
    assert zipfile.ZipFile(io.BytesIO(lying)).read("main.py") == b"x" * 5
    assert refusal(lying) == "'main.py' is damaged: its size or checksum is not what the archive says"
    assert refusal(lying, 1) == "the files of the archive have more than the 1024 bytes that are accepted"


def test_a_damaged_file_is_refused() -> None:
    content = archive_of({"main.py": MAIN}, zipfile.ZIP_STORED)
    assert "is damaged" in refusal(content.replace(MAIN, MAIN.swapcase(), 1))


@pytest.mark.parametrize("packed_bytes", [0, 3, 1_000_000])
def test_a_file_whose_packed_size_is_wrong_is_refused(packed_bytes: int) -> None:
    content = archive_of({"main.py": b"x" * 10_000})
    assert refusal(directory_entry_changed(content, 20, struct.pack("<L", packed_bytes)))


def test_encrypted_files_are_refused() -> None:
    content = archive_of({"main.py": MAIN})
    assert refusal(directory_entry_changed(content, 8, b"\x01\x00")) == "'main.py' is encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_not_everybody_can_unpack_are_refused(method: int) -> None:
    assert refusal(archive_of({"main.py": MAIN}, method)) == "'main.py' is packed by a method other than deflate"


def test_an_archive_in_the_archive_is_a_file_like_any_other() -> None:
    inner = archive_of({"../../evil": b"\0" * 100_000})
    assert checked_archive(archive_of({"inner.zip": inner}), code_limit_kib=1)[0].size_bytes == len(inner)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06"]))
def test_any_bytes_are_an_archive_or_refused(content: bytes, head: bytes) -> None:
    with pytest.raises(Refused):
        checked_archive(head + content, code_limit_kib=None)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_no_damage_to_an_archive_raises_anything_but_a_refusal(seed: int, changes: int) -> None:
    """Every archive that is still accepted holds the files that it held."""
    files = {"Main.java": MAIN * 20, "src/other.java": b"", "third": bytes(range(256))}
    damaged = bytearray(archive_of(files))
    chance = random.Random(seed)
    for _ in range(changes):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    try:
        entries = checked_archive(bytes(damaged), code_limit_kib=None)
    except Refused:
        return
    assert {entry.size_bytes for entry in entries} <= {len(content) for content in files.values()}


def language(required: bool, *extensions: str, name: str = "Any") -> Language:
    """A language with these suffixes."""
    return Language(id="any", name=name, entry_point_required=required, extensions=list(extensions))


@pytest.mark.parametrize(
    ("entry_point", "extensions", "path"),
    [
        ("main.py", ("py",), "main.py"),
        ("main.py", ("py",), "src/main.py"),
        ("src/main.py", ("py",), "src/main.py"),
        ("main", ("py",), "main.py"),
        ("Main", ("java",), "Main.java"),
        ("Main", (".java",), "Main.java"),
        ("Main", ("java",), "deep/down/Main.java"),
        ("org.example.Main", ("java",), "Main.java"),
        ("org.example.Main", ("java",), "org/example/Main.java"),
        ("org/example/Main", ("java",), "org/example/Main.java"),
        ("MainKt", ("kt",), "Main.kt"),
        ("MainKt", ("kt",), "main.kt"),
        ("org.example.MainKt", ("kt",), "main.kt"),
        ("Main", ("kt",), "Main.kt"),
        ("index.js", ("js", "mjs"), "index.js"),
        ("program", (), "program"),
    ],
)
def test_an_entry_point_that_names_a_file_is_accepted(entry_point: str, extensions: tuple[str, ...], path: str) -> None:
    entries = [ArchiveEntry("README", 1), ArchiveEntry(path, 1)]
    check_entry_point(entry_point, language(True, *extensions), entries)


@pytest.mark.parametrize(
    ("entry_point", "extensions", "path"),
    [
        ("other.py", ("py",), "main.py"),
        ("main.py", ("py",), "main.pyc"),
        ("x.py", ("py",), "py.py"),
        ("Main", ("java",), "Main.kt"),
        ("main", ("java",), "Main.java"),
        ("MainKt", ("java",), "Main.java"),
        ("ain", ("java",), "Main.java"),
        ("../main.py", ("py",), "main.py"),
        (".", ("py",), "main.py"),
    ],
)
def test_an_entry_point_that_names_no_file_is_refused(entry_point: str, extensions: tuple[str, ...], path: str) -> None:
    with pytest.raises(Refused, match="names none of the files") as refused:
        check_entry_point(entry_point, language(True, *extensions), [ArchiveEntry(path, 1)])
    assert refused.value.property == "entry_point"
    assert repr(path) in refused.value.reason


@pytest.mark.parametrize("entry_point", [None, ""])
def test_a_missing_entry_point_is_refused_where_the_language_needs_one(entry_point: str | None) -> None:
    with pytest.raises(Refused, match="Java needs an entry_point") as refused:
        check_entry_point(entry_point, language(True, "java", name="Java"), [ArchiveEntry("Main.java", 1)])
    assert refused.value.property == "entry_point"


@pytest.mark.parametrize("entry_point", [None, "", "anything"])
def test_any_entry_point_will_do_where_the_language_needs_none(entry_point: str | None) -> None:
    check_entry_point(entry_point, language(False, "c"), [ArchiveEntry("a.c", 1)])


@pytest.mark.parametrize("entry_point", ["a\nb", "a\0", "x" * (ENTRY_POINT_CHARACTERS_MAX + 1)])
@pytest.mark.parametrize("required", [True, False])
def test_an_entry_point_that_is_no_plain_text_is_refused(entry_point: str, required: bool) -> None:
    with pytest.raises(Refused, match="printable"):
        check_entry_point(entry_point, language(required, "c"), [ArchiveEntry("a.c", 1)])


def test_no_more_than_a_few_files_are_listed() -> None:
    entries = [ArchiveEntry(f"{number}.py", 1) for number in range(8)]
    with pytest.raises(Refused, match=r"'0\.py', '1\.py', '2\.py', '3\.py', '4\.py' and 3 more"):
        check_entry_point("main.py", language(True, "py"), entries)
