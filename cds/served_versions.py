"""TABLE of the versions of the Contest API that are served beside our own, the draft.

Each stands in one module of `cds/dialects`. This module must not know what a version says differently.
"""

from cds.dialects.contest_api_2023_06 import CONTEST_API_2023_06
from cds.dialects.contest_api_2026_01 import CONTEST_API_2026_01
from projections.served_versions import ServedVersion

EARLIER_VERSIONS: tuple[ServedVersion, ...] = (CONTEST_API_2023_06, CONTEST_API_2026_01)
"""Each is served below the path of the API under its name."""
