"""The table of targets: every parser of what comes from outside, by name.

This module must not know who finds the inputs.
"""

from collections.abc import Mapping

from tests.fuzz.file_targets import FILE_TARGETS
from tests.fuzz.request_targets import REQUEST_TARGETS
from tests.fuzz.server_targets import SERVER_TARGETS
from tests.fuzz.source_targets import SOURCE_TARGETS
from tests.fuzz.target import Target
from tests.fuzz.told_targets import TOLD_TARGETS

TARGETS: Mapping[str, Target] = {**SOURCE_TARGETS, **REQUEST_TARGETS, **SERVER_TARGETS, **FILE_TARGETS, **TOLD_TARGETS}
