-- The log, and what is kept beside it. Columns that hold JSON are bytea: the bytes are what is hashed and served.

CREATE TABLE stream (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    chain bytea NOT NULL CHECK (octet_length(chain) = 32)
) WITH (fillfactor = 25);
COMMENT ON TABLE stream IS 'The end of every stream. The row moves with each append, hence the free space in its page.';

-- No foreign key to stream: it would be checked row by row, and rows come only through the functions below and COPY.
CREATE TABLE event (
    stream bigint NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    type text NOT NULL,
    id text NOT NULL,
    data bytea,
    recorded_at_us bigint NOT NULL,
    actor text NOT NULL,
    cause text NOT NULL,
    version integer NOT NULL,
    chain bytea NOT NULL CHECK (octet_length(chain) = 32),
    PRIMARY KEY (stream, position)
);
COMMENT ON TABLE event IS 'The log. Rows are never changed or removed; chain ties each to all before it.';

CREATE TABLE batch (
    batch_id uuid PRIMARY KEY,
    stream bigint NOT NULL,
    position bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX batch_committed_at ON batch (committed_at);
COMMENT ON TABLE batch IS 'What became of appends whose connection was lost during the commit; old rows are removed.';

CREATE TABLE file (
    address text COLLATE "C" PRIMARY KEY,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0)
);
CREATE TABLE file_chunk (
    address text COLLATE "C" NOT NULL REFERENCES file (address) ON DELETE CASCADE,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (address, number)
);
-- Most files are compressed already (zip, png, mp4): do not try again.
ALTER TABLE file_chunk ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE file IS 'Contents of files by the SHA-256 of the bytes, lower-case hex.';

CREATE TABLE credential (
    scope text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    password_hash text NOT NULL,
    PRIMARY KEY (scope, account_id)
);
COMMENT ON TABLE credential IS 'Password hashes, beside the log so that they can be erased. Scope is a stream.';

CREATE TABLE server_account (
    username text COLLATE "C" PRIMARY KEY,
    role text NOT NULL,
    password_hash text NOT NULL
);

CREATE TABLE secret (
    name text COLLATE "C" PRIMARY KEY,
    content bytea NOT NULL
);

-- Held until the end of the transaction. Whoever holds it knows that no other append to the stream is under way.
CREATE FUNCTION lock_stream(stream_name text) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('stream:' || stream_name, 0))
$$;

-- A null hash removes the credential. When an account is named twice, the last one counts.
CREATE FUNCTION put_credentials(scopes text[], accounts text[], hashes text[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM credential USING unnest(scopes, accounts) AS c (scope, account_id)
    WHERE credential.scope = c.scope AND credential.account_id = c.account_id;

    INSERT INTO credential (scope, account_id, password_hash)
    SELECT c.scope, c.account_id, c.password_hash
    FROM (
        SELECT DISTINCT ON (n.scope, n.account_id) n.scope, n.account_id, n.password_hash
        FROM unnest(scopes, accounts, hashes) WITH ORDINALITY AS n (scope, account_id, password_hash, i)
        ORDER BY n.scope, n.account_id, n.i DESC
    ) AS c
    WHERE c.password_hash IS NOT NULL
    ON CONFLICT (scope, account_id) DO UPDATE SET password_hash = excluded.password_hash;
END
$$;

-- Appends to several streams in one transaction and one round trip. A stream whose end is not its base is left alone;
-- the answer has one row per stream, in the order given: its end now, and whether this call wrote.
--
-- Every statement in here takes its own snapshot (plpgsql, VOLATILE, READ COMMITTED). This matters: the locks are taken
-- in the first statement, the ends are read in a later one. One statement that did both would wait for the lock and
-- then read what was true before it waited.
CREATE FUNCTION append_group(
    stream_names text[], base_positions bigint[], base_chains bytea[], last_positions bigint[], last_chains bytea[],
    event_streams integer[], event_positions bigint[], event_types text[], event_ids text[], event_data bytea[],
    event_recorded_at_us bigint[], event_actors text[], event_causes text[], event_versions integer[],
    event_chains bytea[],
    batch_streams integer[], batch_ids uuid[], batch_positions bigint[],
    credential_streams integer[], credential_scopes text[], credential_accounts text[], credential_hashes text[],
    announce boolean
) RETURNS TABLE (head_position bigint, head_chain bytea, written boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    numbers bigint[];  -- per stream: its number when this call writes to it, else null
BEGIN
    -- In the order of the keys, so that two groups can never wait for each other.
    PERFORM pg_advisory_xact_lock(k.key)
    FROM (
        SELECT DISTINCT hashtextextended('stream:' || n.name, 0) AS key FROM unnest(stream_names) AS n (name)
        ORDER BY key OFFSET 0
    ) AS k;

    INSERT INTO stream (name, chain)
    SELECT n.name, n.chain FROM unnest(stream_names, base_positions, base_chains) WITH ORDINALITY AS n (name, base, chain, i)
    WHERE n.base = 0 AND NOT EXISTS (SELECT FROM stream s WHERE s.name = n.name)
    ORDER BY n.i;

    WITH moved AS (
        UPDATE stream s SET position = n.last_position, chain = n.last_chain
        FROM unnest(stream_names, base_positions, base_chains, last_positions, last_chains) WITH ORDINALITY
            AS n (name, base_position, base_chain, last_position, last_chain, i)
        WHERE s.name = n.name AND s.position = n.base_position AND s.chain = n.base_chain
        RETURNING n.i, s.number
    )
    SELECT array_agg(m.number ORDER BY n.i) INTO numbers
    FROM generate_subscripts(stream_names, 1) AS n (i) LEFT JOIN moved m ON m.i = n.i;

    INSERT INTO event (stream, position, type, id, data, recorded_at_us, actor, cause, version, chain)
    SELECT numbers[e.stream], e.position, e.type, e.id, e.data, e.recorded_at_us, e.actor, e.cause, e.version, e.chain
    FROM unnest(
        event_streams, event_positions, event_types, event_ids, event_data, event_recorded_at_us, event_actors,
        event_causes, event_versions, event_chains
    ) AS e (stream, position, type, id, data, recorded_at_us, actor, cause, version, chain)
    WHERE numbers[e.stream] IS NOT NULL;

    INSERT INTO batch (batch_id, stream, position)
    SELECT b.batch_id, numbers[b.stream], b.position
    FROM unnest(batch_streams, batch_ids, batch_positions) AS b (stream, batch_id, position)
    WHERE numbers[b.stream] IS NOT NULL
    ON CONFLICT (batch_id) DO NOTHING;

    IF cardinality(credential_streams) > 0 THEN
        PERFORM put_credentials(array_agg(c.scope ORDER BY c.i), array_agg(c.account ORDER BY c.i), array_agg(c.hash ORDER BY c.i))
        FROM unnest(credential_streams, credential_scopes, credential_accounts, credential_hashes) WITH ORDINALITY
            AS c (stream, scope, account, hash, i)
        WHERE numbers[c.stream] IS NOT NULL
        HAVING count(*) > 0;
    END IF;

    IF announce THEN
        PERFORM pg_notify('event_store', n.name || ':' || n.last_position)
        FROM unnest(stream_names, base_positions, last_positions, numbers) AS n (name, base_position, last_position, number)
        WHERE n.number IS NOT NULL AND n.last_position > n.base_position;
    END IF;

    RETURN QUERY
    SELECT coalesce(s.position, 0), coalesce(s.chain, n.base_chain), n.number IS NOT NULL
    FROM unnest(stream_names, base_chains, numbers) WITH ORDINALITY AS n (name, base_chain, number, i)
    LEFT JOIN stream s ON s.name = n.name
    ORDER BY n.i;
END
$$;
