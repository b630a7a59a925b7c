"""A Postgres of our own, in a data directory, started on demand: `launcher.embedded_postgres`.

Every process that needs the database holds a shared lock on a file (the lease). One detached process, the keeper,
runs Postgres as its child for as long as anybody holds the lease. Killing any of the three leaves no orphan and
no refusal. This package must not know tables or streams. The keeper's modules use the standard library alone, so
that it starts in a few tens of milliseconds: everything here but `launcher`, `waking`, `keeper_start`, `binaries` and
`ownership`.
"""
