"""No parser is forgotten: every module that reads bytes of a format is a target's, or reads what is our own.

This module must not know what any of them reads.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "eventstore", "projections", "cds")
READS = re.compile(
    r"msgspec\.(?:json|msgpack|toml)\.(?:decode|Decoder)\b|\bjson\.loads|tomllib\.load|yaml\.(?:parse|load)|ZipFile\("
    r"|tarfile\.open|Image\.open|csv\.reader|b64decode|unpack_from|\.unpack\(|decompressobj|gzip\.decompress"
    r"|zlib\.decompress|jwt\.decode|load_pem|load_der|fromisoformat|fromstring|HTMLParser|etree|parse_qsl|urlsplit\("
    r"|strptime|ip_address\(|ip_network\("
)
"""What reads text or bytes of some format."""

KEPT = "what this program has written itself, beside the log or in memory"
SHOWN = "a view that this server has made"
BETWEEN = "what one process of ours tells another"
SAID = "a value that has been checked when it was given"
NAMES = "an address that the system has looked up"
MADE = "nothing: it writes"
ASKED = "the body of a request, beside the parsers of its parts; tests/fuzz/test_requests asks all routes"

NOT_TARGETS: Mapping[str, tuple[str, ...]] = {
    KEPT: (
        *("cds/checkpoints.py", "cds/exporting.py", "cds/past/snapshots.py", "cds/relay/relayed_lines.py"),
        *("cds/students/cache.py", "cds/students/raw_lists.py", "cds/students/register.py", "cds/upstream/status.py"),
        *("cds/users/erasures.py", "cds/users/keeping.py", "cds/users/reset_codes.py", "cds/verifying/ledgers.py"),
        *("cds/webhooks/batches.py", "cds/webhooks/register.py", "cds/student_api/documents.py"),
        *("eventstore/embedded/layout.py", "projections/comparison_boards.py", "projections/matches.py"),
        *("projections/packed_audience.py", "projections/packed_state.py", "projections/past_changes.py"),
        *("projections/students.py", "projections/sync_runs.py", "projections/users.py"),
        *("cds/platform_api/last_synced.py", "cds/verifying/replaying.py"),
    ),
    SHOWN: (
        *("cds/contest_api/openapi.py", "cds/dialects/contest_api_2023_06.py", "cds/dialects/contest_api_2026_01.py"),
        *("cds/fan_out/framing.py", "cds/openapi/document.py", "cds/pages/routes.py"),
    ),
    BETWEEN: (
        *("cds/verifying/crew.py", "cds/verifying/messages.py", "cds/verifying/worker_process.py"),
        *("cds/fan_out/connection.py", "cds/edge/core.py", "cds/edge/files.py", "cds/edge/writing.py"),
        *("cds/jetstream/asking.py", "cds/jetstream/pipeline.py"),
        *("projections/told_boards.py", "projections/told_references.py", "projections/told_view.py"),
    ),
    SAID: (
        *("cds/configuration.py", "cds/contest_api/webhooks.py", "cds/encryption_options.py", "cds/own_certificate.py"),
        *("cds/jetstream/server_urls.py", "cds/jetstream/settings.py"),
        *("cds/upstream/file_keeping.py", "cds/webhooks/sender.py", "eventstore/hosts.py"),
    ),
    NAMES: ("cds/upstream/session.py", "cds/webhooks/calling.py"),
    MADE: (
        *("cds/packages/writing.py", "cds/simulation/package.py", "cds/simulation/sources.py"),
        "cds/submitting/work.py",
    ),
    ASKED: (
        *("cds/contest_api/contest_writing.py", "cds/contest_api/written_bodies.py", "cds/upstream/connection.py"),
    ),
}
"""Modules that read something and are no target's, by what it is that they read."""


def reading() -> set[str]:
    """The modules that read something."""
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return {str(file.relative_to(ROOT)) for file in files if READS.search(file.read_text(encoding="utf-8"))}


def reached() -> set[str]:
    """The modules that the seeds of all targets lead into."""
    entered: set[str] = set()

    def note(frame: FrameType, what: str, _argument: object) -> None:
        if what == "call":
            entered.add(frame.f_code.co_filename)

    for target in TARGETS.values():
        for seed in target.seeds:
            sys.setprofile(note)
            try:
                target.run(seed)
            finally:
                sys.setprofile(None)
    return {str(Path(name).relative_to(ROOT)) for name in entered if name.startswith(f"{ROOT}/")}


def test_every_module_that_reads_something_is_a_targets_or_reads_our_own() -> None:
    found, told = reading(), [name for names in NOT_TARGETS.values() for name in names]
    assert found - reached() - set(told) == set(), "make it a target, or say above what it reads"
    assert [name for name in told if name not in found] == [], "these read nothing any more"
