"""How students are handled: where answers of Codeforces are cached, who may ask for a sync, and how often.

This module must not know how options are spelled.
"""

import msgspec

from cds.students.cache import CacheBacking


class StudentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`redis_url`: the cache is there (it may hold a password, so it is never told); otherwise in `cache`.

    `sync_requires_login`: a handle is synced only for who has logged in; the contract asks for no login
    (requirements-001, 2.2). `syncs_at_once`: so many syncs one address may ask for in a row, 0: as many as it likes;
    the contract names no limit, and Codeforces itself is asked no faster for any number of them.
    """

    cache: CacheBacking = "process"
    redis_url: str | None = None
    sync_requires_login: bool = False
    syncs_at_once: int = 0
