"""Forms that requests bring, urlencoded and in parts (CMS ContestWebServer API, 2.1 and 2.3)."""

import pytest

from cds.cms_api.forms import FIELDS_MAX, TEXT_BYTES_MAX, Form, FormFile, form_in_parts, urlencoded_form
from cds.contest_api.errors import Failure


def part(disposition: str, content: bytes) -> bytes:
    """A part of a form, without the boundary before it."""
    return b"--b\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"", {}),
        (b"username=anna&password=a+b%26%3D%C3%A4", {"username": "anna", "password": "a b&=\u00e4"}),
        (b"username=&password", {"username": "", "password": ""}),
        (b"a=1&a=2", {"a": "2"}),
    ],
)
def test_an_urlencoded_form(body: bytes, texts: dict[str, str]) -> None:
    assert urlencoded_form(body) == Form(texts=texts)


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * (FIELDS_MAX + 1))])
def test_what_is_no_urlencoded_form(body: bytes) -> None:
    with pytest.raises(Failure) as caught:
        urlencoded_form(body)
    assert caught.value.status == 400


def test_a_form_in_parts_has_texts_and_files_under_the_very_names_of_its_fields() -> None:
    body = (
        part('name="sum.%l"; filename="my sum.cpp"', b"int main() {}\r\n")
        + part('name="language"', "C++ \u00e4".encode())
        + part('name="sum.%l"; filename="again.cpp"', b"")
        + part('name="empty"; filename=""', b"")
        + part('name="nameless"; filename=""', b"x")
        + part('name="language"', b"Python")
        + b"--b--\r\n"
    )
    assert form_in_parts(body, b"b") == Form(
        texts={"language": "Python"},
        files=(
            FormFile("sum.%l", "my sum.cpp", b"int main() {}\r\n"),
            FormFile("sum.%l", "again.cpp", b""),
            FormFile("nameless", "", b"x"),
        ),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        part('name="a"', b"x"),
        part('name="a"', b"\xff") + b"--b--",
        part('name="a"', b"x" * (TEXT_BYTES_MAX + 1)) + b"--b--",
        part("", b"x") + b"--b--",
        b"--b\r\nno headers\r\n\r\nx\r\n--b--",
    ],
)
def test_what_is_no_form_in_parts(body: bytes) -> None:
    with pytest.raises(Failure) as caught:
        form_in_parts(body, b"b")
    assert caught.value.status == 400
