-- Counts fall by themselves and continuously, a refusal writes no count, and requests that are no guesses are counted apart.

ALTER TABLE throttles
    ADD COLUMN level   double precision NOT NULL DEFAULT 0,
    ADD COLUMN lasting double precision NOT NULL DEFAULT 0;
-- A replica of the version before still writes both; this version does not.
ALTER TABLE throttles
    ALTER COLUMN failures SET DEFAULT 0,
    ALTER COLUMN blocked_until SET DEFAULT '-infinity';
COMMENT ON TABLE throttles IS 'How full each leaky bucket is: failed attempts, and requests that have a price.';
COMMENT ON COLUMN throttles.key IS 'internal: keyed hash of what is counted: an account, an address, a network';
COMMENT ON COLUMN throttles.level IS 'internal: what was counted, less what has leaked since, as of counted_at';
COMMENT ON COLUMN throttles.lasting IS 'internal: the same over weeks, for attempts on one account';
COMMENT ON COLUMN throttles.counted_at IS 'internal: when level and lasting were computed';
COMMENT ON COLUMN throttles.failures IS 'internal: unused since version 23 of the schema';
COMMENT ON COLUMN throttles.blocked_until IS 'internal: unused since version 23 of the schema';
GRANT UPDATE (level, lasting) ON throttles TO mainstay_server;

CREATE TABLE refusals (
    key         bytea       CONSTRAINT refusals_pkey PRIMARY KEY,
    unrecorded  bigint      NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX refusals_recorded_at_idx ON refusals (recorded_at);
COMMENT ON TABLE refusals IS 'Refusals of one address since the last one that the audit log records.';
COMMENT ON COLUMN refusals.key IS 'internal: keyed hash of what was refused and of the address';
COMMENT ON COLUMN refusals.unrecorded IS 'internal: how many came after the recorded one';
COMMENT ON COLUMN refusals.recorded_at IS 'internal: when one was last recorded';
GRANT SELECT, INSERT, DELETE, UPDATE (unrecorded, recorded_at) ON refusals TO mainstay_server;

-- Until when attempts under these keys have to wait, or null. `free` failures cost no wait, also where the clock of this
-- replica is behind that of the one which counted last; each one beyond doubles it, from a second to a quarter of an hour.
-- The level of a key leaks by `free` a day and at least by one an hour, so that no attempt made once a day keeps it up. What
-- belongs to one account (five free) has a second level beside it, of 40 that leak by two a day: at most 100 failures in 30
-- days (NIST SP 800-63B-4 3.2.2).
CREATE FUNCTION attempts_wait_until(keys bytea[], free integer[], at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT max(t.counted_at + greatest(
            CASE WHEN t.level > k.free
                THEN least(interval '1 second' * power(2, ceil(t.level) - k.free - 1), interval '15 minutes') END,
            CASE WHEN k.free <= 5 AND t.lasting > 39 THEN interval '12 hours' * (t.lasting - 39) END))
        FROM unnest(keys, free) AS k (key, free) JOIN throttles t ON t.key = k.key
$$;
REVOKE ALL ON FUNCTION attempts_wait_until(bytea[], integer[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION attempts_wait_until(bytea[], integer[], timestamptz) TO mainstay_server;

-- Counts an attempt before it is made, so that a burst gets through no more often than the same attempts one by one.
-- Answers until when to wait, or null when the attempt may be made; then it counts as a failure until it is taken back.
-- A refusal counts nothing and writes nothing. Rows are locked in the order of their keys, here and everywhere else.
CREATE OR REPLACE FUNCTION admit_attempt(keys bytea[], free integer[], at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    blocked timestamptz := attempts_wait_until(keys, free, at);
BEGIN
    IF blocked > at THEN
        RETURN blocked;
    END IF;
    INSERT INTO throttles AS t (key, counted_at)
        SELECT DISTINCT k, at FROM unnest(keys) AS k ORDER BY k
        ON CONFLICT ON CONSTRAINT throttles_pkey DO UPDATE SET level = t.level;
    blocked := attempts_wait_until(keys, free, at);
    IF blocked > at THEN
        RETURN blocked;
    END IF;
    -- Beyond eleven failures more than are free the wait grows no longer, and neither does the level.
    UPDATE throttles t SET
        level = least(greatest(t.level - k.elapsed * greatest(k.free, 24) / 86400, 0) + 1, k.free + 11),
        lasting = CASE WHEN k.free <= 5 THEN greatest(t.lasting - k.elapsed * 2 / 86400, 0) + 1 ELSE 0 END,
        counted_at = greatest(t.counted_at, at)
        FROM (SELECT f.key, f.free, greatest(extract(epoch FROM at - c.counted_at)::double precision, 0) AS elapsed
            FROM unnest(keys, free) AS f (key, free) JOIN throttles c ON c.key = f.key) AS k
        WHERE t.key = k.key;
    RETURN NULL;
END
$$;

-- Until when requests under these keys have to wait, or null: each key has room for `burst` requests, and
-- one more every `every` seconds.
CREATE FUNCTION requests_wait_until(keys bytea[], burst integer[], every double precision[], at timestamptz)
    RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT max(t.counted_at + interval '1 second' * (t.level + 1 - k.burst) * k.every)
        FROM unnest(keys, burst, every) AS k (key, burst, every) JOIN throttles t ON t.key = k.key
        WHERE t.level + 1 > k.burst
$$;
REVOKE ALL ON FUNCTION requests_wait_until(bytea[], integer[], double precision[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION requests_wait_until(bytea[], integer[], double precision[], timestamptz) TO mainstay_server;

-- Counts a request that is no guess but has a price: work, rows, letters. Otherwise as admit_attempt.
CREATE FUNCTION admit_request(keys bytea[], burst integer[], every double precision[], at timestamptz)
    RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    blocked timestamptz := requests_wait_until(keys, burst, every, at);
BEGIN
    IF blocked > at THEN
        RETURN blocked;
    END IF;
    INSERT INTO throttles AS t (key, counted_at)
        SELECT DISTINCT k, at FROM unnest(keys) AS k ORDER BY k
        ON CONFLICT ON CONSTRAINT throttles_pkey DO UPDATE SET level = t.level;
    blocked := requests_wait_until(keys, burst, every, at);
    IF blocked > at THEN
        RETURN blocked;
    END IF;
    UPDATE throttles t SET
        level = greatest(t.level - k.elapsed / k.every, 0) + 1,
        counted_at = greatest(t.counted_at, at)
        FROM (SELECT r.key, r.every, greatest(extract(epoch FROM at - c.counted_at)::double precision, 0) AS elapsed
            FROM unnest(keys, every) AS r (key, every) JOIN throttles c ON c.key = r.key) AS k
        WHERE t.key = k.key;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION admit_request(bytea[], integer[], double precision[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admit_request(bytea[], integer[], double precision[], timestamptz) TO mainstay_server;

-- Counts a refusal, and those before it that a replica gave from memory. Answers how many were left out of the audit log
-- since the last record, or null when this one is left out too: the first of a quarter of an hour is recorded.
CREATE FUNCTION count_refusal(refused bytea, from_memory bigint, at timestamptz) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    before bigint;
BEGIN
    INSERT INTO refusals (key, unrecorded, recorded_at) VALUES (refused, 0, at)
        ON CONFLICT ON CONSTRAINT refusals_pkey DO NOTHING;
    IF FOUND THEN
        RETURN from_memory;
    END IF;
    SELECT unrecorded INTO before FROM refusals
        WHERE key = refused AND recorded_at <= at - interval '15 minutes' FOR UPDATE;
    IF FOUND THEN
        UPDATE refusals SET unrecorded = 0, recorded_at = at WHERE key = refused;
        RETURN before + from_memory;
    END IF;
    UPDATE refusals SET unrecorded = unrecorded + from_memory + 1 WHERE key = refused;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION count_refusal(bytea, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_refusal(bytea, bigint, timestamptz) TO mainstay_server;

-- Takes back what an attempt that succeeded was counted as: `cleared` falls to nothing, `refunded` by one. Locks in the
-- order of the keys.
CREATE FUNCTION settle_attempt(cleared bytea[], refunded bytea[]) RETURNS integer
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM throttles WHERE key = ANY (cleared || refunded) ORDER BY key FOR UPDATE;
    UPDATE throttles SET
        level = CASE WHEN key = ANY (cleared) THEN 0 ELSE greatest(level - 1, 0) END,
        lasting = CASE WHEN key = ANY (cleared) THEN 0 ELSE greatest(lasting - 1, 0) END
        WHERE key = ANY (cleared || refunded);
    RETURN 1;
END
$$;
REVOKE ALL ON FUNCTION settle_attempt(bytea[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settle_attempt(bytea[], bytea[]) TO mainstay_server;
