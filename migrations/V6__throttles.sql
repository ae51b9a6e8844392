-- Guessing is slowed down: by account, by address and by network, for all replicas at once.

CREATE TABLE throttles (
    key           bytea       CONSTRAINT throttles_pkey PRIMARY KEY,
    failures      integer     NOT NULL,
    blocked_until timestamptz NOT NULL,
    counted_at    timestamptz NOT NULL
);
CREATE INDEX throttles_counted_at_idx ON throttles (counted_at);
COMMENT ON TABLE throttles IS 'How often something failed of late, and until when it is not tried again.';
COMMENT ON COLUMN throttles.key IS 'internal: keyed hash of what is counted: an account, an address, a network';
COMMENT ON COLUMN throttles.failures IS 'internal: attempts that did not succeed, those under way included';
COMMENT ON COLUMN throttles.blocked_until IS 'internal: no attempt before';
COMMENT ON COLUMN throttles.counted_at IS 'internal: the last attempt; a day later all is forgotten';
GRANT SELECT, INSERT, DELETE, UPDATE (failures, blocked_until, counted_at) ON throttles TO mainstay_server;

CREATE TABLE sign_in_places (
    user_id uuid        NOT NULL CONSTRAINT sign_in_places_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    place   bytea       NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT sign_in_places_pkey PRIMARY KEY (user_id, place)
);
COMMENT ON TABLE sign_in_places IS 'Networks from which somebody has signed in: strangers who guess elsewhere do not lock them out here.';
COMMENT ON COLUMN sign_in_places.user_id IS 'internal: who';
COMMENT ON COLUMN sign_in_places.place IS 'personal: keyed hash of the network';
COMMENT ON COLUMN sign_in_places.seen_at IS 'internal: when they last signed in from there';
GRANT SELECT, INSERT, DELETE, UPDATE (seen_at) ON sign_in_places TO mainstay_server;

-- Counts an attempt before it is made, so that a burst gets through no more often than the same attempts one by one. Says
-- until when to wait, or null when the attempt may be made; then it counts as a failure until it is taken back. `free`
-- failures cost nothing; each one beyond doubles the wait, from a second up to a quarter of an hour, and after a hundred
-- it is a day (NIST SP 800-63B-4 3.2.2).
CREATE FUNCTION admit_attempt(keys bytea[], free integer[], at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    blocked timestamptz;
BEGIN
    -- Takes each row's lock, always in the same order.
    INSERT INTO throttles AS t (key, failures, blocked_until, counted_at)
        SELECT DISTINCT k, 0, timestamptz '-infinity', at FROM unnest(keys) AS k ORDER BY k
        ON CONFLICT ON CONSTRAINT throttles_pkey
        DO UPDATE SET failures = CASE WHEN t.counted_at < at - interval '1 day' THEN 0 ELSE t.failures END;
    SELECT max(t.blocked_until) INTO blocked FROM throttles t WHERE t.key = ANY (keys);
    IF blocked > at THEN
        RETURN blocked;
    END IF;
    UPDATE throttles t SET
        failures = t.failures + 1,
        counted_at = at,
        blocked_until = CASE
            WHEN t.failures + 1 <= k.free THEN t.blocked_until
            WHEN t.failures + 1 > 100 + k.free THEN at + interval '1 day'
            ELSE at + least(interval '1 second' * power(2, least(t.failures - k.free, 20)), interval '15 minutes')
        END
        FROM unnest(keys, free) AS k (key, free) WHERE t.key = k.key;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION admit_attempt(bytea[], integer[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admit_attempt(bytea[], integer[], timestamptz) TO mainstay_server;
