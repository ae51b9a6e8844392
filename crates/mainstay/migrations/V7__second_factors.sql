-- Second factors: codes of an authenticator app, passkeys, and recovery codes for a person who has neither at hand.

CREATE TABLE mainstay.totps (
    user_id      uuid        CONSTRAINT totps_pkey PRIMARY KEY
        CONSTRAINT totps_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    secret       bytea,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0,
    pending      bytea,
    pending_at   timestamptz,
    CONSTRAINT totps_confirmed CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT totps_pending CHECK ((pending IS NULL) = (pending_at IS NULL))
);

COMMENT ON TABLE mainstay.totps IS
    'Authenticator apps (RFC 6238): the one that counts, and the one that waits for its first code.';
COMMENT ON COLUMN mainstay.totps.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.totps.secret IS
    'secret: sealed; what codes are made of, once a code has confirmed it';
COMMENT ON COLUMN mainstay.totps.confirmed_at IS 'internal: when it was confirmed';
COMMENT ON COLUMN mainstay.totps.last_step IS
    'internal: the step of the last code that was taken; no code of it or before is taken again';
COMMENT ON COLUMN mainstay.totps.pending IS 'secret: sealed; a new secret, not confirmed by a code yet';
COMMENT ON COLUMN mainstay.totps.pending_at IS 'internal: when that secret was created';

GRANT SELECT, INSERT, DELETE ON mainstay.totps TO mainstay_server;
GRANT UPDATE (secret, confirmed_at, last_step, pending, pending_at) ON mainstay.totps TO mainstay_server;

-- One row a person: a new set replaces the old one also when two are made at once, and a code that is spent leaves the
-- set.
CREATE TABLE mainstay.recovery_codes (
    user_id    uuid        CONSTRAINT recovery_codes_pkey PRIMARY KEY
        CONSTRAINT recovery_codes_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    hashes     bytea[]     NOT NULL,
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.recovery_codes IS 'Recovery codes, each accepted once in place of a second factor.';
COMMENT ON COLUMN mainstay.recovery_codes.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.recovery_codes.hashes IS
    'secret: SHA-256 of each code that is left; a code has 125 random bits';
COMMENT ON COLUMN mainstay.recovery_codes.created_at IS 'internal: when the set was created';

GRANT SELECT, INSERT, DELETE ON mainstay.recovery_codes TO mainstay_server;
GRANT UPDATE (hashes, created_at) ON mainstay.recovery_codes TO mainstay_server;

CREATE TABLE mainstay.passkeys (
    id              uuid        CONSTRAINT passkeys_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL
        CONSTRAINT passkeys_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    name            bytea       NOT NULL,
    credential_hash bytea       NOT NULL CONSTRAINT passkeys_credential_hash_key UNIQUE,
    credential      bytea       NOT NULL,
    sign_count      bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz
);

CREATE INDEX passkeys_user_id_idx ON mainstay.passkeys (user_id);

COMMENT ON TABLE mainstay.passkeys IS
    'Passkeys (W3C Web Authentication): each is a second factor, and enough to sign in alone.';
COMMENT ON COLUMN mainstay.passkeys.id IS 'internal: UUID v7';
COMMENT ON COLUMN mainstay.passkeys.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.passkeys.name IS 'personal: sealed; its name, given by its owner';
COMMENT ON COLUMN mainstay.passkeys.credential_hash IS
    'internal: SHA-256 of the id that the authenticator gave it';
COMMENT ON COLUMN mainstay.passkeys.credential IS
    'personal: sealed; public key, counter and flags, so that the key cannot be replaced';
COMMENT ON COLUMN mainstay.passkeys.sign_count IS
    'internal: the authenticator''s counter when it was last used; it never goes back';
COMMENT ON COLUMN mainstay.passkeys.created_at IS 'internal: when it was added';
COMMENT ON COLUMN mainstay.passkeys.last_used_at IS 'internal: when it was last used';

GRANT SELECT, INSERT, DELETE ON mainstay.passkeys TO mainstay_server;
GRANT UPDATE (name, credential, sign_count, last_used_at) ON mainstay.passkeys TO mainstay_server;

CREATE TABLE mainstay.webauthn_challenges (
    hash       bytea       CONSTRAINT webauthn_challenges_pkey PRIMARY KEY,
    user_id    uuid
        CONSTRAINT webauthn_challenges_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    state      bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX webauthn_challenges_expires_at_idx ON mainstay.webauthn_challenges (expires_at);

COMMENT ON TABLE mainstay.webauthn_challenges IS
    'Challenges that an authenticator has yet to answer, each taken once.';
COMMENT ON COLUMN mainstay.webauthn_challenges.hash IS 'secret: SHA-256 of the challenge';
COMMENT ON COLUMN mainstay.webauthn_challenges.user_id IS
    'internal: the account that registers a passkey; null at a sign-in';
COMMENT ON COLUMN mainstay.webauthn_challenges.state IS 'secret: sealed; state that the response is checked against';
COMMENT ON COLUMN mainstay.webauthn_challenges.expires_at IS 'internal: when it expires';

GRANT SELECT, INSERT, DELETE ON mainstay.webauthn_challenges TO mainstay_server;
-- Nothing is ever updated. But upkeep skips rows that others lock (FOR UPDATE SKIP LOCKED), which takes the right to.
GRANT UPDATE (expires_at) ON mainstay.webauthn_challenges TO mainstay_server;

-- Keeps users.second_factor, which follows from the factors alone. Locks the account's row first, so that of two
-- changes at once the later one sees what the earlier one did. Without a factor there is nothing to recover.
CREATE FUNCTION mainstay.note_second_factors() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    person   uuid := coalesce(NEW.user_id, OLD.user_id);
    enrolled boolean;
BEGIN
    PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    enrolled := EXISTS (SELECT FROM totps WHERE user_id = person AND secret IS NOT NULL)
        OR EXISTS (SELECT FROM passkeys WHERE user_id = person);

    UPDATE users SET second_factor = enrolled WHERE id = person AND second_factor <> enrolled;
    IF NOT enrolled THEN
        DELETE FROM recovery_codes WHERE user_id = person;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER totps_note
    AFTER INSERT OR UPDATE OF secret OR DELETE ON mainstay.totps
    FOR EACH ROW EXECUTE FUNCTION mainstay.note_second_factors();

CREATE TRIGGER passkeys_note
    AFTER INSERT OR DELETE ON mainstay.passkeys
    FOR EACH ROW EXECUTE FUNCTION mainstay.note_second_factors();

-- Raises users.credentials_version when a factor or an identity is added or removed, whichever statement does it. A
-- renewed hash of the same password does not raise it, nor does an added identity: nothing that was verified becomes
-- wrong by them.
CREATE FUNCTION mainstay.renew_credentials() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    UPDATE users SET credentials_version = credentials_version + 1 WHERE id = coalesce(NEW.user_id, OLD.user_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER totps_insert_renews_credentials
    AFTER INSERT ON mainstay.totps
    FOR EACH ROW WHEN (NEW.confirmed_at IS NOT NULL)
    EXECUTE FUNCTION mainstay.renew_credentials();

CREATE TRIGGER totps_update_renews_credentials
    AFTER UPDATE OF confirmed_at ON mainstay.totps
    FOR EACH ROW WHEN (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at)
    EXECUTE FUNCTION mainstay.renew_credentials();

CREATE TRIGGER totps_delete_renews_credentials
    AFTER DELETE ON mainstay.totps
    FOR EACH ROW WHEN (OLD.confirmed_at IS NOT NULL)
    EXECUTE FUNCTION mainstay.renew_credentials();

CREATE TRIGGER passkeys_renew_credentials
    AFTER INSERT OR DELETE ON mainstay.passkeys
    FOR EACH ROW EXECUTE FUNCTION mainstay.renew_credentials();

-- Whether the password of an account would be too short without this factor: a passkey, or the authenticator app where
-- `way` is null. Locks the account before it reads, so that of two factors that are removed at once one stays.
CREATE FUNCTION mainstay.password_needs(person uuid, way uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    RETURN EXISTS (SELECT FROM users WHERE id = person AND password_hash IS NOT NULL AND NOT password_alone)
        AND NOT EXISTS (SELECT FROM passkeys WHERE user_id = person AND id IS DISTINCT FROM way)
        AND NOT EXISTS (SELECT FROM totps WHERE user_id = person AND secret IS NOT NULL AND way IS NOT NULL);
END
$$;

REVOKE ALL ON FUNCTION mainstay.password_needs(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.password_needs(uuid, uuid) TO mainstay_server;
