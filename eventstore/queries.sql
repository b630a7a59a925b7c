-- Every statement that the Postgres store sends, except the tables and functions themselves (migrations/).
-- Each stands below a line with its name; parameters are described where they are not plain.

-- name: append_group
-- Appends to several streams in one transaction, each compared and set on its own. See migrations/0001.
SELECT head_position, head_chain, written
FROM append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)

-- name: append_group_with_files
-- The same with files of one piece each, which go in where the stream that they belong to is written. They follow the
-- locks of the streams and are taken in the order of their addresses, so that two processes never wait for each other.
WITH appended AS MATERIALIZED (
    SELECT head_position, head_chain, written, i
    FROM append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
        WITH ORDINALITY AS a (head_position, head_chain, written, i)
), given AS MATERIALIZED (
    SELECT DISTINCT ON (g.address) g.address, g.content
    FROM unnest($24::integer[], $25::text[], $26::bytea[]) AS g (stream, address, content)
    JOIN appended ON appended.i = g.stream AND appended.written
    ORDER BY g.address
), kept AS (
    INSERT INTO file (address, size_bytes) SELECT address, octet_length(content) FROM given ORDER BY address
    ON CONFLICT (address) DO NOTHING RETURNING address
), chunks AS (
    INSERT INTO file_chunk (address, number, content)
    SELECT address, 0, content FROM given JOIN kept USING (address) WHERE octet_length(content) > 0
)
SELECT head_position, head_chain, written FROM appended ORDER BY i

-- name: lock_stream
SELECT lock_stream($1)

-- name: create_stream
INSERT INTO stream (name, chain) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING

-- name: stream_end
SELECT number, position, chain FROM stream WHERE name = $1

-- name: move_stream_end
UPDATE stream SET position = $2, chain = $3 WHERE number = $1

-- name: remember_batch
INSERT INTO batch (batch_id, stream, position) VALUES ($1, $2, $3) ON CONFLICT (batch_id) DO NOTHING

-- name: batches
-- What became of batches: the head that each of them made, for those that were committed.
SELECT batch.batch_id, batch.position, event.chain
FROM batch LEFT JOIN event ON event.stream = batch.stream AND event.position = batch.position
WHERE batch.batch_id = ANY ($1)

-- name: forget_batches
DELETE FROM batch WHERE committed_at < now() - $1::interval

-- name: announce
SELECT pg_notify('event_store', $1)

-- name: read
SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain
FROM event
WHERE stream = (SELECT number FROM stream WHERE name = $1) AND position > $2
ORDER BY position
LIMIT $3

-- name: read_beginnings
-- The events of some streams up to position $2.
SELECT s.name, e.position, e.type, e.id, e.data, e.recorded_at_us, e.actor, e.cause, e.version, e.chain
FROM stream AS s JOIN event AS e ON e.stream = s.number
WHERE s.name = ANY ($1) AND e.position <= $2
ORDER BY s.number, e.position

-- name: heads
SELECT name, position, chain FROM stream WHERE position > 0 ORDER BY number

-- name: heads_of
SELECT name, position, chain FROM stream WHERE name = ANY ($1)

-- name: hold_shared
-- Held for as long as the session lives, of a class and under the number of this process or its group. See presence.py.
SELECT pg_advisory_lock_shared($1, $2)

-- name: release_shared
SELECT pg_advisory_unlock_shared($1, $2)

-- name: others_holding
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = $1::integer::oid AND objid <> $2::integer::oid AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: positions_unless_sum_is
-- The ends of all streams and their sum, nothing when that is $1: positions only grow, so nothing has been appended.
WITH total AS (SELECT coalesce(sum(position), 0)::bigint AS position FROM stream)
SELECT stream.name, stream.position, total.position FROM stream, total WHERE total.position <> $1

-- name: positions
SELECT name, position FROM stream WHERE position > 0

-- name: keep_file
INSERT INTO file (address, size_bytes) VALUES ($1, $2) ON CONFLICT (address) DO NOTHING RETURNING true

-- name: keep_file_chunk
INSERT INTO file_chunk (address, number, content) VALUES ($1, $2, $3)

-- name: keep_files
-- Files of one piece each, in the order of their addresses, so that two processes never wait for each other.
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS g (address, size_bytes, content)
), kept AS (
    INSERT INTO file (address, size_bytes) SELECT address, size_bytes FROM given ORDER BY address
    ON CONFLICT (address) DO NOTHING RETURNING address
)
INSERT INTO file_chunk (address, number, content)
SELECT address, 0, content FROM given JOIN kept USING (address) WHERE size_bytes > 0

-- name: file_chunks
SELECT content FROM file_chunk WHERE address = $1 ORDER BY number

-- name: file_size_bytes
SELECT size_bytes FROM file WHERE address = $1

-- name: credentials
SELECT account_id, password_hash FROM credential WHERE scope = $1 ORDER BY account_id

-- name: credential_scopes
SELECT DISTINCT scope FROM credential ORDER BY scope

-- name: put_credentials
SELECT put_credentials($1, $2, $3)

-- name: put_server_account
INSERT INTO server_account (username, role, password_hash, disabled) VALUES ($1, $2, $3, $4)
ON CONFLICT (username) DO UPDATE
SET role = excluded.role, password_hash = excluded.password_hash, disabled = excluded.disabled

-- name: remove_server_account
DELETE FROM server_account WHERE username = $1 RETURNING username

-- name: server_accounts
SELECT username, role, password_hash, disabled FROM server_account ORDER BY username

-- name: secret
SELECT content FROM secret WHERE name = $1

-- name: keep_secret
INSERT INTO secret (name, content) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING

-- name: keep
-- Bytes beside the log: $2 and $3 are ids and what to keep under them, $4 are ids of what is to be erased.
WITH erased AS (DELETE FROM kept WHERE kind = $1 AND id = ANY ($4))
INSERT INTO kept (kind, id, data) SELECT $1, g.id, g.data FROM unnest($2::text[], $3::bytea[]) AS g (id, data)
ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data

-- name: kept
SELECT id, data FROM kept WHERE kind = $1 ORDER BY id

-- name: kept_of
SELECT id, data FROM kept WHERE kind = $1 AND id = ANY ($2::text[]) ORDER BY id

-- name: take_turn
SELECT place_us, wait_us FROM take_turn($1, $2, $3, $4, $5)

-- name: postpone_turns
INSERT INTO turn (name, free_us)
SELECT $1, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2::bigint
ON CONFLICT (name) DO UPDATE SET free_us = greatest(turn.free_us, excluded.free_us)

-- name: take_duties
-- Of some names those that this session holds from now on, as no other does.
SELECT name FROM unnest($2::text[]) AS wanted (name) WHERE pg_try_advisory_lock($1::integer, hashtext(name))

-- name: let_go_of_duty
SELECT pg_advisory_unlock($1::integer, hashtext($2))

-- name: end_sessions_of_the_frozen
-- Ends the sessions of others that hold some of these names and have been silent for longer than $3.
SELECT pg_terminate_backend(lock.pid)
FROM pg_locks AS lock JOIN pg_stat_activity AS session USING (pid)
WHERE lock.locktype = 'advisory' AND lock.classid = $1::integer::oid AND lock.objsubid = 2 AND lock.granted
    AND lock.objid IN (SELECT hashtext(name)::oid FROM unnest($2::text[]) AS wanted (name))
    AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND lock.pid <> pg_backend_pid() AND session.state_change < clock_timestamp() - $3::interval

-- name: lock_migrations
SELECT pg_advisory_xact_lock(hashtextextended('migrations', 0))

-- name: create_migration_table
CREATE TABLE IF NOT EXISTS migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: applied_migrations
SELECT number, name, sha256 FROM migration ORDER BY number

-- name: record_migration
INSERT INTO migration (number, name, sha256) VALUES ($1, $2, $3)

-- name: checkpoint
SELECT position, chain, fingerprint, parts FROM checkpoint WHERE stream = $1

-- name: checkpoint_part
SELECT content FROM checkpoint_part WHERE stream = $1 AND address = $2

-- name: checkpoint_parts_kept
-- A part that is not what was written is none: it will be written again.
SELECT address FROM checkpoint_part WHERE stream = $1 AND sha256(content) = address

-- name: keep_checkpoint_part
INSERT INTO checkpoint_part (stream, address, content) VALUES ($1, $2, $3)
ON CONFLICT (stream, address) DO UPDATE SET content = excluded.content

-- name: lock_checkpoint
SELECT pg_advisory_xact_lock(hashtextextended('checkpoint:' || $1, 0))

-- name: checkpoint_parts_missing
SELECT count(*) FROM unnest($2::bytea[]) AS n (address)
WHERE NOT EXISTS (SELECT FROM checkpoint_part p WHERE p.stream = $1 AND p.address = n.address)

-- name: put_checkpoint
INSERT INTO checkpoint (stream, position, chain, fingerprint, parts) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (stream) DO UPDATE
SET position = excluded.position, chain = excluded.chain, fingerprint = excluded.fingerprint, parts = excluded.parts

-- name: forget_checkpoint_parts
DELETE FROM checkpoint_part WHERE stream = $1 AND address <> ALL ($2::bytea[])
