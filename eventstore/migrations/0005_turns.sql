-- Turns: who asks somebody else's server asks it no faster for being several processes. What is lost in a crash is a
-- pause of seconds, so it need not be on disk.

CREATE UNLOGGED TABLE turn (
    name text COLLATE "C" PRIMARY KEY,
    promised_us bigint NOT NULL DEFAULT 0,
    free_us bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 25);
COMMENT ON TABLE turn IS 'By name: behind the last turn that is promised, and when the next may begin (since the epoch).';

-- Begin a turn if that may be now, else be promised a place, unless it lies further off than patience_us.
-- held_us is a place that was promised before, or null. The answer: the place (null: none), and how long to wait
-- (0: the turn has begun). Times are those of the database, the same for everybody. A moment more than ahead_us_max
-- away was written by a clock that has been set back since.
--
-- The same as eventstore/turns.py does in memory.
CREATE FUNCTION take_turn(
    turn_name text, interval_us bigint, patience_us bigint, held_us bigint, ahead_us_max bigint,
    OUT place_us bigint, OUT wait_us bigint
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_us bigint;
    promised bigint;
    free bigint;
BEGIN
    INSERT INTO turn (name) VALUES (turn_name) ON CONFLICT (name) DO NOTHING;
    SELECT t.promised_us, t.free_us INTO promised, free FROM turn t WHERE t.name = turn_name FOR UPDATE;
    -- Only now: others may have been waited for.
    now_us := floor(extract(epoch FROM clock_timestamp()) * 1000000);
    promised := CASE WHEN promised > now_us + ahead_us_max THEN now_us ELSE promised END;
    free := CASE WHEN free > now_us + ahead_us_max THEN now_us ELSE free END;
    held_us := CASE WHEN held_us > now_us + ahead_us_max THEN NULL ELSE held_us END;

    place_us := coalesce(held_us, greatest(promised, free, now_us));
    wait_us := greatest(place_us, free) - now_us;
    IF wait_us <= 0 THEN
        wait_us := 0;
        free := now_us + interval_us;
        promised := greatest(promised, free);
    ELSIF held_us IS NULL AND wait_us > patience_us THEN
        place_us := NULL;
    ELSE
        promised := greatest(promised, place_us + interval_us);
    END IF;
    UPDATE turn t SET promised_us = promised, free_us = free WHERE t.name = turn_name;
END
$$;
