-- What must not stand in the log, or must be possible to erase: secrets of subscribers, how far each has been told.

CREATE TABLE kept (
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (kind, id)
);
COMMENT ON TABLE kept IS 'Bytes beside the log, by kind and id; they may be replaced and erased.';
