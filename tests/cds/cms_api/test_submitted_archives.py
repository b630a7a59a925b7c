"""Archives in which a whole submission is handed in: what is taken out of them, and what is not opened."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.cms_api.file_matching import FILE_BYTES_MAX
from cds.cms_api.submitted_archives import unpacked
from cds.cms_api.unacceptable import INVALID_ARCHIVE, TOO_BIG, Unacceptable

Files = Mapping[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def tarred(files: Files, format: int = tarfile.PAX_FORMAT, **changed: object) -> bytes:
    """A tar archive, packed by gzip; `changed` are attributes of every member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for attribute, value in changed.items():
                setattr(member, attribute, value)
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return stream.getvalue()


def block(name: str, size_bytes: bytes, content: bytes = b"") -> bytes:
    """A tar archive of one member whose header says this size, whatever it is."""
    member = tarfile.TarInfo(name)
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size_bytes
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + content)


PACKINGS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "zip, stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "tar": tarred,
    "tar of GNU": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "tar of old": lambda files: tarred(files, tarfile.USTAR_FORMAT),
    "tar with finer times": lambda files: tarred(files, mtime=1.5),
}


def refused(content: bytes, elements: int = 1) -> Unacceptable:
    """Why an archive is not taken."""
    with pytest.raises(Unacceptable) as refusal:
        unpacked(content, elements)
    return refusal.value


def found(content: bytes, elements: int = 1) -> dict[str, bytes]:
    """The files of an archive by their names; none of them says which element it is."""
    files = unpacked(content, elements)
    assert all(file.element is None for file in files)
    assert len({file.filename for file in files}) == len(files)
    return {file.filename: file.content for file in files}


@pytest.mark.parametrize("packed", PACKINGS.values(), ids=PACKINGS)
def test_files_by_their_names_without_directories(packed: Callable[[Files], bytes]) -> None:
    files = {"encoder.cpp": b"one", "sources/of/mine/decoder.cpp": b"two" * 5_000, "empty.txt": b""}
    expected = {"encoder.cpp": b"one", "decoder.cpp": b"two" * 5_000, "empty.txt": b""}
    assert found(packed(files), 2) == expected


def test_a_tar_archive_as_the_command_makes_it() -> None:
    """Directories, and names that begin with the present directory."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in ("./", "./src"):
            directory = tarfile.TarInfo(name)
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
        member = tarfile.TarInfo("./src/sum.cpp")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"sum"))
    assert found(stream.getvalue()) == {"sum.cpp": b"sum"}


@pytest.mark.parametrize("packed", PACKINGS.values(), ids=PACKINGS)
@pytest.mark.parametrize(
    "name", ["../sum.cpp", "/etc/sum.cpp", "a/../../sum.cpp", "a//sum.cpp", "a\\sum.cpp", "C:sum.cpp"]
)
def test_no_name_leads_out(packed: Callable[[Files], bytes], name: str) -> None:
    assert refused(packed({name: b"x"})).subject == INVALID_ARCHIVE


@pytest.mark.parametrize("packed", PACKINGS.values(), ids=PACKINGS)
def test_twice_as_many_files_as_the_task_asks_for_are_the_most(packed: Callable[[Files], bytes]) -> None:
    assert len(found(packed({f"{number}.cpp": b"x" for number in range(4)}), 2)) == 4
    for count in (5, 101, 250):
        refusal = refused(packed({f"{number}.cpp": b"x" for number in range(count)}), 2)
        assert refusal.subject == TOO_BIG


@pytest.mark.parametrize("packed", PACKINGS.values(), ids=PACKINGS)
def test_all_files_together_have_a_limit(packed: Callable[[Files], bytes]) -> None:
    assert found(packed({"a": bytes(FILE_BYTES_MAX), "b": bytes(FILE_BYTES_MAX - 2_000)}), 2)
    for over in (2_001, FILE_BYTES_MAX):
        refusal = refused(packed({"a": bytes(FILE_BYTES_MAX + over), "b": bytes(FILE_BYTES_MAX)}), 2)
        assert refusal.subject == TOO_BIG


def test_bombs_are_not_unpacked() -> None:
    """A thousand times as much as may be comes out of each."""
    size_bytes = 1_000 * FILE_BYTES_MAX
    for content in (
        zipped({"a": bytes(size_bytes)}),
        tarred({"a": bytes(size_bytes)}),
        gzip.compress(bytes(size_bytes)),
    ):
        assert refused(content[: FILE_BYTES_MAX * 3], 3).subject == TOO_BIG
    sparse = bytearray(gzip.decompress(block("a", b"%011o\0" % (2**33 - 1))))
    sparse[156:157] = tarfile.GNUTYPE_SPARSE
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    assert refused(gzip.compress(bytes(sparse))).subject == INVALID_ARCHIVE


def test_an_archive_that_is_too_large_is_not_opened() -> None:
    refusal = refused(bytes(FILE_BYTES_MAX + 1))
    assert (refusal.subject, refusal.details) == (TOO_BIG, "The archive has 100001 bytes; it may have at most 100000.")


@pytest.mark.parametrize(
    "size", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"%011o\0" % 600, b"12345678901\0", b"no number!!\0"]
)
def test_sizes_that_are_none(size: bytes) -> None:
    """Among them a negative one, by which the library would go backwards for ever."""
    assert refused(block("sum.cpp", size, b"x" * 512)).subject == INVALID_ARCHIVE


@pytest.mark.parametrize("type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices(type: bytes) -> None:
    refusal = refused(tarred({"sum.cpp": b""}, type=type, linkname="/etc/passwd"))
    assert (refusal.subject, refusal.details) == (
        INVALID_ARCHIVE,
        "'sum.cpp' is a link or another special file.",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"int main() {}",
        zipped({"a": b"x"})[:-1],
        zipped({"a": b"x" * 1_000})[5:],
        tarred({"a": b"x"})[:-9],
        b"\x1f\x8b",
        gzip.compress(b"no archive"),
        gzip.compress(b"no archive" * 1_000),
    ],
    ids=("nothing", "text", "short zip", "zip without its head", "short tar", "gzip's mark", "gzip", "larger gzip"),
)
def test_what_is_no_archive(content: bytes) -> None:
    assert refused(content).subject == INVALID_ARCHIVE


def test_an_empty_archive_has_no_files() -> None:
    assert refused(zipped({})).details == "The archive holds no file."
    assert unpacked(gzip.compress(bytes(1_024)), 1) == []


def reading(content: bytes) -> list[str]:
    """The names of what is in it; empty for what is refused, for one of the two reasons that there are."""
    try:
        return [file.filename for file in unpacked(content, 1)]
    except Unacceptable as refusal:
        return [] if refusal.subject in (INVALID_ARCHIVE, TOO_BIG) else [refusal.subject]


@given(st.binary(max_size=700), st.booleans())
def test_whatever_comes_is_read_or_refused(content: bytes, packed: bool) -> None:
    """No content leads anywhere else, nor for ever."""
    assert all("/" not in name for name in reading(gzip.compress(content) if packed else content))


DAMAGED = (zipped({"a/b.cpp": b"source"}), gzip.decompress(tarred({"a/b.cpp": b"source"})))


@given(st.sampled_from(DAMAGED), st.integers(0), st.integers(0, 255))
def test_a_damaged_archive_is_read_or_refused(content: bytes, place: int, value: int) -> None:
    """One byte of an archive is another one."""
    changed = bytearray(content)
    changed[place % len(content)] = value
    names = reading(bytes(changed) if content.startswith(b"PK") else gzip.compress(changed))
    assert all("/" not in name and name not in (".", "..") for name in names)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_paths_that_are_too_long_for_a_header_of_tar(format: int) -> None:
    """GNU tells them in a member before, pax in a note before; a directory may be what is so long."""
    limit = 90 if format == tarfile.USTAR_FORMAT else 140
    files = {
        f"{'d' * limit}/sum.cpp": b"a",
        f"{'e' * 50}/{'f' * 80}.txt": b"b",
        "short.txt": b"c",
    }
    found = unpacked(tarred(files, format=format), 3)
    assert [(file.filename, file.content) for file in found] == [
        ("sum.cpp", b"a"),
        (f"{'f' * 80}.txt", b"b"),
        ("short.txt", b"c"),
    ]


@pytest.mark.parametrize("content", [gzip.decompress(tarred({"sum.cpp": b"x"})), b"BZh91AY&SY", b"\xfd7zXZ\0", b"Rar!"])
def test_other_archives_are_told_what_is_taken(content: bytes) -> None:
    refusal = refused(content)
    assert refusal.subject == INVALID_ARCHIVE
    assert refusal.details.endswith("it must be a zip archive, or a tar archive packed by gzip.")
