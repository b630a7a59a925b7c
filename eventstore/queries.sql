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
-- What became of batches: the head that each of them made, for those that were committed. Their rows are written anew,
-- because a commit that was waiting for a standby when its connection was lost is there, but perhaps here alone: behind
-- this one, which waits as well, it is on the standby too.
WITH found AS (
    UPDATE batch SET committed_at = committed_at WHERE batch_id = ANY ($1) RETURNING batch_id, stream, position
)
SELECT found.batch_id, found.position, event.chain
FROM found LEFT JOIN event ON event.stream = found.stream AND event.position = found.position

-- name: forget_batches
DELETE FROM batch WHERE committed_at < now() - $1::interval

-- name: announce
SELECT pg_notify('event_store', $1)

-- name: announce_arrival
-- For as long as one commit that notifies waits for a standby, all others wait behind it: not longer than a second here.
SELECT set_config('lock_timeout', '1s', true), pg_notify('event_store', $1)

-- name: waits_for_standby
SELECT current_setting('synchronous_standby_names') <> ''

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

-- name: has_table
SELECT to_regclass($1) IS NOT NULL

-- name: is_half_restored
-- See restoring.py: the table is there from the beginning of a restore to its end.
SELECT to_regclass('restoring') IS NOT NULL

-- name: all_streams
SELECT number, name, position, chain FROM stream ORDER BY number

-- name: rows_of_stream
-- The rows of a stream behind $2, up to $3: $4 of them at most, and none more behind $5 bytes of data.
SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain
FROM (
    SELECT e.*, sum(coalesce(octet_length(data), 0)) OVER (ORDER BY position) - coalesce(octet_length(data), 0) AS before
    FROM (
        SELECT * FROM event WHERE stream = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
    ) AS e
) AS paged
WHERE before < $5 ORDER BY position

-- name: small_files
-- Files by their addresses that are kept in one piece, or in none because they are empty.
SELECT f.address, coalesce(c.content, ''::bytea)
FROM file AS f LEFT JOIN file_chunk AS c ON c.address = f.address AND c.number = 0 WHERE f.address = ANY ($1::text[])

-- name: file_chunk
SELECT content FROM file_chunk WHERE address = $1 AND number = $2

-- name: rows_of_file
-- The rows of each table beside the log as JSON, bytes in hex, in the order of the key.
SELECT row_to_json(t)::text FROM file AS t ORDER BY address

-- name: rows_of_credential
SELECT row_to_json(t)::text FROM credential AS t ORDER BY scope, account_id

-- name: rows_of_kept
SELECT row_to_json(t)::text FROM kept AS t ORDER BY kind, id

-- name: rows_of_secret
SELECT row_to_json(t)::text FROM secret AS t ORDER BY name

-- name: rows_of_server_account
SELECT row_to_json(t)::text FROM server_account AS t ORDER BY username

-- name: put_rows_of_credential
INSERT INTO credential SELECT (json_populate_record(NULL::credential, line::json)).* FROM unnest($1::text[]) AS g (line)

-- name: put_rows_of_kept
INSERT INTO kept SELECT (json_populate_record(NULL::kept, line::json)).* FROM unnest($1::text[]) AS g (line)

-- name: put_rows_of_secret
INSERT INTO secret SELECT (json_populate_record(NULL::secret, line::json)).* FROM unnest($1::text[]) AS g (line)

-- name: put_rows_of_server_account
INSERT INTO server_account
SELECT (json_populate_record(NULL::server_account, line::json)).* FROM unnest($1::text[]) AS g (line)

-- name: contents_of_database
-- How much there is of what a restore would write over; secrets alone are none of it, every command makes them.
SELECT 'streams', count(*) FROM stream UNION ALL SELECT 'files', count(*) FROM file
UNION ALL SELECT 'passwords', count(*) FROM credential UNION ALL SELECT 'accounts of the server', count(*) FROM server_account

-- name: contents_of_kept
SELECT 'things kept beside the log', count(*) FROM kept

-- name: forget_secrets
DELETE FROM secret

-- name: begin_restoring
CREATE TABLE restoring (backup text NOT NULL, begun_at timestamptz NOT NULL DEFAULT now())

-- name: note_restoring
INSERT INTO restoring (backup) VALUES ($1)

-- name: restoring
SELECT backup FROM restoring

-- name: end_restoring
DROP TABLE restoring

-- name: try_lock_restoring
SELECT pg_try_advisory_lock(hashtextextended('restoring', 0))

-- name: files_restored
SELECT address FROM file

-- name: read_of_types
-- The events of some types behind position $2, up to and with $3.
SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain
FROM event
WHERE stream = (SELECT number FROM stream WHERE name = $1) AND position > $2 AND position <= $3 AND type = ANY ($4)
ORDER BY position
LIMIT $5

-- name: read_at
SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain
FROM event
WHERE stream = (SELECT number FROM stream WHERE name = $1) AND position = ANY ($2::bigint[])
ORDER BY position

-- name: recorded_times
-- In one array: a row for each would cost as much again.
SELECT array_agg(recorded_at_us) FROM (
    SELECT recorded_at_us FROM event
    WHERE stream = (SELECT number FROM stream WHERE name = $1) AND position > $2
    ORDER BY position
    LIMIT $3
) AS e

-- name: snapshot
SELECT position, chain, fingerprint, parts FROM snapshot
WHERE stream = $1 AND position <= $2 AND fingerprint = $3
ORDER BY position DESC
LIMIT 1

-- name: snapshot_parts
SELECT address, content FROM snapshot_part WHERE stream = $1 AND address = ANY ($2::bytea[])

-- name: snapshot_parts_kept
-- A part that is not what was written is none: it will be written again.
SELECT address FROM snapshot_part WHERE stream = $1 AND sha256(content) = address

-- name: keep_snapshot_part
INSERT INTO snapshot_part (stream, address, content) VALUES ($1, $2, $3)
ON CONFLICT (stream, address) DO UPDATE SET content = excluded.content

-- name: lock_snapshots
SELECT pg_advisory_xact_lock(hashtextextended('snapshots:' || $1, 0))

-- name: snapshot_parts_missing
SELECT count(*) FROM unnest($2::bytea[]) AS n (address)
WHERE NOT EXISTS (SELECT FROM snapshot_part p WHERE p.stream = $1 AND p.address = n.address)

-- name: put_snapshot
INSERT INTO snapshot (stream, position, chain, fingerprint, parts) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (stream, position) DO UPDATE
SET chain = excluded.chain, fingerprint = excluded.fingerprint, parts = excluded.parts

-- name: forget_snapshots
DELETE FROM snapshot WHERE stream = $1 AND fingerprint <> $2

-- name: forget_snapshot_parts
DELETE FROM snapshot_part p WHERE p.stream = $1
    AND NOT EXISTS (SELECT FROM snapshot s WHERE s.stream = $1 AND p.address = ANY (s.parts))

-- name: stream_ends
-- Every stream as both tables have it, in one snapshot. Numbers of streams are found in the index of the events one
-- after the other, without looking at each event. The chain value of the last row of each only if $1 says so.
WITH RECURSIVE numbers (number) AS (
    SELECT min(stream) FROM event
    UNION ALL
    SELECT (SELECT min(e.stream) FROM event AS e WHERE e.stream > n.number) FROM numbers AS n WHERE n.number IS NOT NULL
), every AS (
    SELECT number FROM numbers WHERE number IS NOT NULL UNION SELECT number FROM stream
), batches AS (
    SELECT stream, max(position) AS position FROM batch GROUP BY stream
), ends AS (
    SELECT every.number, s.name, s.position, s.chain,
        (SELECT min(e.position) FROM event AS e WHERE e.stream = every.number) AS first,
        (SELECT max(e.position) FROM event AS e WHERE e.stream = every.number) AS last,
        batches.position AS batch_position
    FROM every LEFT JOIN stream AS s ON s.number = every.number LEFT JOIN batches ON batches.stream = every.number
)
SELECT number, name, position, chain, coalesce(first, 0), coalesce(last, 0),
    CASE WHEN $1::boolean THEN
        (SELECT e.chain FROM event AS e WHERE e.stream = ends.number AND e.position = ends.last LIMIT 1)
    END,
    coalesce(batch_position, 0)
FROM ends ORDER BY number

-- name: look_by_keys
SET enable_seqscan = off

-- name: stored_rows
-- The rows of a stream behind $2, up to $3; by the number of the stream, whatever its name is.
SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain
FROM event WHERE stream = $1 AND position > $2 AND position <= $3
ORDER BY position LIMIT $4

-- name: stored_chains
SELECT position, chain FROM event WHERE stream = $1 AND position BETWEEN $2 AND $3

-- name: chains_elsewhere
-- The names of all streams but one, those of which only side tables know included, and their chain values at $2.
SELECT names.name, e.chain
FROM (
    SELECT name FROM stream UNION SELECT stream FROM checkpoint UNION SELECT scope FROM credential
) AS names
LEFT JOIN stream AS s ON s.name = names.name LEFT JOIN event AS e ON e.stream = s.number AND e.position = $2
WHERE s.number IS DISTINCT FROM $1

-- name: chains_at
-- The chain values of rows, by the name of the stream ($1) and the position ($2).
SELECT w.name, e.chain
FROM unnest($1::text[], $2::bigint[]) AS w (name, position)
JOIN stream AS s ON s.name = w.name JOIN event AS e ON e.stream = s.number AND e.position = w.position

-- name: files_not_kept
SELECT address FROM unnest($1::text[]) AS named (address)
WHERE NOT EXISTS (SELECT FROM file WHERE file.address = named.address)

-- name: files_between
-- Files by address from $1 ($4: with it) up to, and without, $2.
SELECT address, size_bytes FROM file WHERE (address > $1 OR ($4 AND address = $1)) AND address < $2
ORDER BY address LIMIT $3

-- name: file_chunks_of
SELECT address, number, content FROM file_chunk WHERE address = ANY ($1) ORDER BY address, number

-- name: file_chunks_after
SELECT number, content FROM file_chunk WHERE address = $1 AND number > $2 ORDER BY number LIMIT $3

-- name: stray_file_chunks
SELECT DISTINCT c.address FROM file_chunk AS c WHERE NOT EXISTS (SELECT FROM file AS f WHERE f.address = c.address)
ORDER BY c.address LIMIT $1

-- name: count_files
SELECT count(*) FROM file

-- name: streams_with_checkpoints
SELECT stream FROM checkpoint UNION SELECT stream FROM snapshot ORDER BY stream

-- name: checkpoints_kept
SELECT position, chain, fingerprint, parts FROM checkpoint WHERE stream = $1

-- name: snapshots_kept
SELECT position, chain, fingerprint, parts FROM snapshot WHERE stream = $1 ORDER BY position

-- name: checkpoint_parts_looked_at
SELECT address, sha256(content) = address FROM checkpoint_part WHERE stream = $1

-- name: snapshot_parts_looked_at
SELECT address, sha256(content) = address FROM snapshot_part WHERE stream = $1

-- name: checkpoint_part_content
SELECT content FROM checkpoint_part WHERE stream = $1 AND address = $2

-- name: snapshot_part_content
SELECT content FROM snapshot_part WHERE stream = $1 AND address = $2

-- name: chains_of_positions
SELECT e.position, e.chain FROM stream AS s JOIN event AS e ON e.stream = s.number
WHERE s.name = $1 AND e.position = ANY ($2::bigint[])
