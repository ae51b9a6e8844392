-- Limits: on guesses, on requests that have a price, on searches by sealed values, and on how many of a kind one may
-- have.

-- Guesses and requests ------------------------------------------------------------------------------------------------

-- Guessing is slowed down by account, by address and by network, for all replicas at once. Counts leak by themselves.
CREATE TABLE mainstay.throttles (
    key        bytea            CONSTRAINT throttles_pkey PRIMARY KEY,
    counted_at timestamptz      NOT NULL,
    level      double precision NOT NULL DEFAULT 0,
    lasting    double precision NOT NULL DEFAULT 0
);

CREATE INDEX throttles_counted_at_idx ON mainstay.throttles (counted_at);

COMMENT ON TABLE mainstay.throttles IS
    'How full each leaky bucket is: failed attempts, and requests that have a price.';
COMMENT ON COLUMN mainstay.throttles.key IS
    'internal: keyed hash of what is counted: an account, an address, a network';
COMMENT ON COLUMN mainstay.throttles.counted_at IS 'internal: when level and lasting were computed';
COMMENT ON COLUMN mainstay.throttles.level IS
    'internal: what was counted, less what has leaked since, as of counted_at';
COMMENT ON COLUMN mainstay.throttles.lasting IS 'internal: the same over weeks, for attempts on one account';

GRANT SELECT, INSERT, DELETE ON mainstay.throttles TO mainstay_server;
GRANT UPDATE (counted_at, level, lasting) ON mainstay.throttles TO mainstay_server;

-- Until when attempts under these keys have to wait, or null. `free` failures cost no wait, also where the clock of
-- this replica is behind that of the one which counted last; each one beyond doubles it, from a second to a quarter of
-- an hour. The level of a key leaks by `free` a day and at least by one an hour, so that no attempt made once a day
-- keeps it up. What belongs to one account (five free) has a second level beside it, of 40 that leak by two a day: at
-- most 100 failures in 30 days (NIST SP 800-63B-4 3.2.2).
CREATE FUNCTION mainstay.attempts_wait_until(keys bytea[], free integer[], at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT max(t.counted_at + greatest(
        CASE WHEN t.level > k.free
            THEN least(interval '1 second' * power(2, ceil(t.level) - k.free - 1), interval '15 minutes') END,
        CASE WHEN k.free <= 5 AND t.lasting > 39
            THEN interval '12 hours' * (t.lasting - 39) END
    ))
    FROM unnest(keys, free) AS k (key, free)
    JOIN throttles t ON t.key = k.key
$$;

REVOKE ALL ON FUNCTION mainstay.attempts_wait_until(bytea[], integer[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.attempts_wait_until(bytea[], integer[], timestamptz) TO mainstay_server;

-- Counts an attempt before it is made, so that a burst gets through no more often than the same attempts one by one.
-- Returns until when to wait, or null when the attempt may be made; then it counts as a failure until it is taken back.
-- A refusal counts nothing and writes nothing. Rows are locked in the order of their keys, here and everywhere else.
CREATE FUNCTION mainstay.admit_attempt(keys bytea[], free integer[], at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
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
    UPDATE throttles t
    SET level = least(greatest(t.level - k.elapsed * greatest(k.free, 24) / 86400, 0) + 1, k.free + 11),
        lasting = CASE WHEN k.free <= 5 THEN greatest(t.lasting - k.elapsed * 2 / 86400, 0) + 1 ELSE 0 END,
        counted_at = greatest(t.counted_at, at)
    FROM (
        SELECT f.key, f.free, greatest(extract(epoch FROM at - c.counted_at)::double precision, 0) AS elapsed
        FROM unnest(keys, free) AS f (key, free)
        JOIN throttles c ON c.key = f.key
    ) AS k
    WHERE t.key = k.key;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION mainstay.admit_attempt(bytea[], integer[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.admit_attempt(bytea[], integer[], timestamptz) TO mainstay_server;

-- Takes back what an attempt that succeeded was counted as: `cleared` falls to nothing, `refunded` by one. Locks in the
-- order of the keys.
CREATE FUNCTION mainstay.settle_attempt(cleared bytea[], refunded bytea[]) RETURNS integer
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM FROM throttles WHERE key = ANY (cleared || refunded) ORDER BY key FOR UPDATE;

    UPDATE throttles
    SET level = CASE WHEN key = ANY (cleared) THEN 0 ELSE greatest(level - 1, 0) END,
        lasting = CASE WHEN key = ANY (cleared) THEN 0 ELSE greatest(lasting - 1, 0) END
    WHERE key = ANY (cleared || refunded);
    RETURN 1;
END
$$;

REVOKE ALL ON FUNCTION mainstay.settle_attempt(bytea[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.settle_attempt(bytea[], bytea[]) TO mainstay_server;

-- Until when requests under these keys have to wait, or null: each key has room for `burst` requests, and one more
-- every `every` seconds.
CREATE FUNCTION mainstay.requests_wait_until(
    keys bytea[],
    burst integer[],
    every double precision[],
    at timestamptz
) RETURNS timestamptz
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT max(t.counted_at + interval '1 second' * (t.level + 1 - k.burst) * k.every)
    FROM unnest(keys, burst, every) AS k (key, burst, every)
    JOIN throttles t ON t.key = k.key
    WHERE t.level + 1 > k.burst
$$;

REVOKE ALL ON FUNCTION mainstay.requests_wait_until(bytea[], integer[], double precision[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.requests_wait_until(bytea[], integer[], double precision[], timestamptz)
    TO mainstay_server;

-- Counts a request that is no guess but has a price: work, rows, letters. Otherwise as admit_attempt.
CREATE FUNCTION mainstay.admit_request(
    keys bytea[],
    burst integer[],
    every double precision[],
    at timestamptz
) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
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

    UPDATE throttles t
    SET level = greatest(t.level - k.elapsed / k.every, 0) + 1,
        counted_at = greatest(t.counted_at, at)
    FROM (
        SELECT r.key, r.every, greatest(extract(epoch FROM at - c.counted_at)::double precision, 0) AS elapsed
        FROM unnest(keys, every) AS r (key, every)
        JOIN throttles c ON c.key = r.key
    ) AS k
    WHERE t.key = k.key;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION mainstay.admit_request(bytea[], integer[], double precision[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.admit_request(bytea[], integer[], double precision[], timestamptz)
    TO mainstay_server;


-- Records of refusals -------------------------------------------------------------------------------------------------

CREATE TABLE mainstay.refusals (
    key         bytea       CONSTRAINT refusals_pkey PRIMARY KEY,
    unrecorded  bigint      NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE INDEX refusals_recorded_at_idx ON mainstay.refusals (recorded_at);

COMMENT ON TABLE mainstay.refusals IS 'Refusals of one address since the last one that the audit log records.';
COMMENT ON COLUMN mainstay.refusals.key IS 'internal: keyed hash of what was refused and of the address';
COMMENT ON COLUMN mainstay.refusals.unrecorded IS 'internal: how many came after the recorded one';
COMMENT ON COLUMN mainstay.refusals.recorded_at IS 'internal: when one was last recorded';

GRANT SELECT, INSERT, DELETE ON mainstay.refusals TO mainstay_server;
GRANT UPDATE (unrecorded, recorded_at) ON mainstay.refusals TO mainstay_server;

-- Counts a refusal, and those before it that a replica gave from memory. Returns how many were left out of the audit
-- log since the last record, or null when this one is left out too: the first of a quarter of an hour is recorded.
CREATE FUNCTION mainstay.count_refusal(refused bytea, from_memory bigint, at timestamptz) RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    before bigint;
BEGIN
    INSERT INTO refusals (key, unrecorded, recorded_at)
        VALUES (refused, 0, at)
        ON CONFLICT ON CONSTRAINT refusals_pkey DO NOTHING;
    IF FOUND THEN
        RETURN from_memory;
    END IF;

    SELECT unrecorded INTO before
        FROM refusals
        WHERE key = refused AND recorded_at <= at - interval '15 minutes'
        FOR UPDATE;
    IF FOUND THEN
        UPDATE refusals SET unrecorded = 0, recorded_at = at WHERE key = refused;
        RETURN before + from_memory;
    END IF;

    UPDATE refusals SET unrecorded = unrecorded + from_memory + 1 WHERE key = refused;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION mainstay.count_refusal(bytea, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.count_refusal(bytea, bigint, timestamptz) TO mainstay_server;


-- Known places --------------------------------------------------------------------------------------------------------

CREATE TABLE mainstay.sign_in_places (
    user_id uuid        NOT NULL
        CONSTRAINT sign_in_places_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    place   bytea       NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT sign_in_places_pkey PRIMARY KEY (user_id, place)
);

COMMENT ON TABLE mainstay.sign_in_places IS
    'Networks from which an account has signed in: guesses from elsewhere do not lock it out there.';
COMMENT ON COLUMN mainstay.sign_in_places.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.sign_in_places.place IS 'personal: keyed hash of the network';
COMMENT ON COLUMN mainstay.sign_in_places.seen_at IS 'internal: when they last signed in from there';

GRANT SELECT, INSERT, DELETE ON mainstay.sign_in_places TO mainstay_server;
GRANT UPDATE (seen_at) ON mainstay.sign_in_places TO mainstay_server;


-- Comparisons of sealed values ----------------------------------------------------------------------------------------

-- An account that may search or sort by sealed values without a limit reads them by trying.
CREATE TABLE mainstay.sealed_comparisons (
    account_id uuid        CONSTRAINT sealed_comparisons_pkey PRIMARY KEY
        CONSTRAINT sealed_comparisons_account_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    since      timestamptz NOT NULL,
    count      bigint      NOT NULL
);

COMMENT ON TABLE mainstay.sealed_comparisons IS
    'How many pages an account has searched or sorted by sealed values within an hour: one row an account.';
COMMENT ON COLUMN mainstay.sealed_comparisons.account_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.sealed_comparisons.since IS 'internal: when its hour began';
COMMENT ON COLUMN mainstay.sealed_comparisons.count IS 'internal: how many pages since then';

-- Counts a page, or refuses it with the seconds to wait as the hint. The serving role has no right to the table itself,
-- so that no statement starts the hour again.
CREATE FUNCTION mainstay.admit_comparison(account uuid, at timestamptz, most bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    counted sealed_comparisons;
BEGIN
    INSERT INTO sealed_comparisons AS c (account_id, since, count)
        VALUES (account, at, 1)
        ON CONFLICT ON CONSTRAINT sealed_comparisons_pkey DO UPDATE SET
            since = CASE WHEN c.since <= at - interval '1 hour' THEN at ELSE c.since END,
            count = CASE WHEN c.since <= at - interval '1 hour' THEN 1 ELSE c.count + 1 END
        RETURNING * INTO counted;

    IF counted.count > most THEN
        RAISE EXCEPTION 'the account compared sealed values too often' USING
            ERRCODE = 'MS429',
            HINT = greatest(ceil(extract(epoch FROM counted.since + interval '1 hour' - at)), 1)::bigint::text;
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION mainstay.admit_comparison(uuid, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.admit_comparison(uuid, timestamptz, bigint) TO mainstay_server;


-- How many of a kind --------------------------------------------------------------------------------------------------

-- Whether `owner` may have one more of a kind. Locks the owner's row first and counts then, with a snapshot that is
-- newer than the lock: however many try at once, each counts what the one before has made.
CREATE FUNCTION mainstay.has_room(kind text, owner uuid, most bigint, at timestamptz) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    present bigint;
BEGIN
    IF kind IN ('roles', 'service_accounts') THEN
        PERFORM FROM organizations WHERE id = owner FOR NO KEY UPDATE;
    ELSE
        PERFORM FROM users WHERE id = owner FOR NO KEY UPDATE;
    END IF;

    CASE kind
        WHEN 'api_keys' THEN
            SELECT count(*) INTO present
                FROM api_keys k
                WHERE k.user_id = owner AND k.revoked_at IS NULL AND k.expires_at > at;
        WHEN 'client_secrets' THEN
            SELECT count(*) INTO present
                FROM client_secrets c
                WHERE c.user_id = owner AND c.revoked_at IS NULL AND c.expires_at > at;
        WHEN 'organizations' THEN
            SELECT count(*) INTO present FROM memberships m WHERE m.user_id = owner;
        WHEN 'passkeys' THEN
            SELECT count(*) INTO present FROM passkeys p WHERE p.user_id = owner;
        WHEN 'roles' THEN
            SELECT count(*) INTO present FROM roles r WHERE r.organization_id = owner;
        WHEN 'service_accounts' THEN
            SELECT count(*) INTO present
                FROM memberships m
                JOIN users u ON u.id = m.user_id AND u.kind = 'service'
                WHERE m.organization_id = owner;
        ELSE
            RAISE EXCEPTION 'nothing of the kind % is limited', kind;
    END CASE;
    RETURN present < most;
END
$$;

REVOKE ALL ON FUNCTION mainstay.has_room(text, uuid, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.has_room(text, uuid, bigint, timestamptz) TO mainstay_server;
