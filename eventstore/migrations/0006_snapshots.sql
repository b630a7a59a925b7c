-- What a stream came to at many positions, so that a moment long ago can be looked at without reading the log from its
-- beginning. Derived from the log, as checkpoints are: the tables may be emptied any time.

CREATE TABLE snapshot (
    stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    chain bytea NOT NULL CHECK (octet_length(chain) = 32),
    fingerprint bytea NOT NULL,
    parts bytea[] NOT NULL,
    PRIMARY KEY (stream, position)
);
COMMENT ON TABLE snapshot IS 'Snapshots of a stream: where each stands, what made it, and its parts in order.';

CREATE TABLE snapshot_part (
    stream text COLLATE "C" NOT NULL,
    address bytea NOT NULL CHECK (octet_length(address) = 32),
    content bytea NOT NULL,
    PRIMARY KEY (stream, address)
);
-- To be read fast, all of it: no compression.
ALTER TABLE snapshot_part ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE snapshot_part IS 'Parts by the SHA-256 of their bytes; most are parts of many snapshots.';
