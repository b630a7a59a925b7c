-- What a stream came to at some position, worked out once, so that a start need not begin at position 1. Derived from
-- the log: whoever finds nothing here, or anything that does not fit, reads the log.

CREATE TABLE checkpoint (
    stream text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL CHECK (position > 0),
    chain bytea NOT NULL CHECK (octet_length(chain) = 32),
    fingerprint bytea NOT NULL,
    parts bytea[] NOT NULL
);
COMMENT ON TABLE checkpoint IS 'The latest checkpoint of a stream: where it stands, what made it, and its parts in order.';

CREATE TABLE checkpoint_part (
    stream text COLLATE "C" NOT NULL,
    address bytea NOT NULL CHECK (octet_length(address) = 32),
    content bytea NOT NULL,
    PRIMARY KEY (stream, address)
);
-- To be read fast, all of it: no compression.
ALTER TABLE checkpoint_part ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE checkpoint_part IS 'Parts by the SHA-256 of their bytes; those that stay the same are kept for the next checkpoint.';
