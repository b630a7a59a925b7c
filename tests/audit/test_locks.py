"""The lock files hold hashes and nothing else, and a file that does not is found out."""

import pytest

from tests.audit.__main__ import AUDITED, Dependency, Report, Unreachable, Vulnerability, told
from tests.audit.locks import LOCKS, PROJECT, canonical, findings, pinned, wrong_lines

HASH = "    --hash=sha256:" + "0" * 64
GOOD = f"# a comment\nSome_Package==1.2.post1 \\\n{HASH} \\\n{HASH}\n    # via another\n"


def test_everything_is_locked_under_its_hashes_and_installed_as_locked() -> None:
    assert list(findings()) == []


def test_what_is_audited_is_there() -> None:
    names = {lock.name for lock in LOCKS}
    assert {*AUDITED, "requirements-peer.lock", "requirements-fuzz.lock", "requirements-audit.lock"} <= names
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert all(name in makefile for name in names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a==1 \\\nb==2 \\\n{HASH}\n", "a has no hash"),
        (f"a==1 \\\n{HASH}\nb==2 \\\n", "b has no hash"),
        (f"a>=1 \\\n{HASH}\n", "neither"),
        ("a @ https://example.com/a.whl\n", "address"),
        ("--index-url https://example.com\n", "address"),
        ("-e .\n", "neither"),
        ("a==1 \\\n    --hash=md5:" + "0" * 32 + "\n", "neither"),
    ],
)
def test_what_is_not_locked_is_found_out(text: str, said: str) -> None:
    assert any(said in each for each in wrong_lines(GOOD + text))


def test_what_is_locked_is_read() -> None:
    assert wrong_lines(GOOD) == []
    assert pinned(GOOD) == {"some-package": "1.2.post1"}
    assert canonical("Zope.Interface__x") == "zope-interface-x"


def test_a_vulnerability_is_told_and_a_package_that_was_not_looked_up_is_no_good_news() -> None:
    vulnerable = Dependency(name="a", version="1", vulns=[Vulnerability("PYSEC-1", ["2"]), Vulnerability("PYSEC-2")])
    good, skipped = Dependency(name="b", version="1"), Dependency(name="c", skip_reason="not found")
    assert told([Report([good])]) == []
    assert told([Report([good, vulnerable]), Report([skipped])]) == [
        "a 1: PYSEC-1, fixed in 2",
        "a 1: PYSEC-2, fixed in no version",
    ]
    for reports in ([Report([good, skipped])], [Report([])], []):
        with pytest.raises(Unreachable):
            told(reports)
