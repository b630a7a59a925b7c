"""Backups: a whole log in a directory, and back into an empty database.

    manifests/000003-20310517T100000000000Z-<16 hex>.json
                                    what a backup consists of; written last, named by the beginning of its own hash
    rows/00000017.rows.gz           rows of the log in the order in which they were copied (`framing`)
    files/<2 hex>/<64 hex>          contents of files by their SHA-256
    tables/<2 hex>/<64 hex>.gz      pieces of the tables beside the log and of the list of files: lines of JSON, by the
                                    SHA-256 of the lines

Nothing that a manifest names is ever written again, so a later backup adds what is new, and earlier ones stay good. A
backup that was broken off leaves no manifest; the next one reads what it has left, and goes on behind it.

Forgotten is a backup whose manifest is deleted; what its tables held and no later one does goes with it.

`layout` knows the disk, `framing` and `pieces` are pure, `manifest` says what belongs together; `taking`, `checking`,
`forgetting` and `putting_back` put them together.
"""
