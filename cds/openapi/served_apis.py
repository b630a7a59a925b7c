"""The APIs beside the Contest API that this server offers. Whoever adds one adds its table here.

This module must not know what any of them is for.
"""

from cds.openapi.api_tables import ApiTable
from cds.openapi.cms_endpoints import CMS_API
from cds.openapi.loc_endpoints import LOC_API
from cds.openapi.platform_endpoints import PLATFORM_API
from cds.openapi.student_endpoints import STUDENT_API

SERVED_APIS: tuple[ApiTable, ...] = (PLATFORM_API, STUDENT_API, CMS_API, LOC_API)
