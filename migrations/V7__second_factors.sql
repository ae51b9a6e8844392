-- Second factors: codes of an authenticator app, passkeys, and recovery codes for whoever has neither at hand.

CREATE TABLE totps (
    user_id      uuid        CONSTRAINT totps_pkey PRIMARY KEY
        CONSTRAINT totps_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    secret       bytea,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0,
    pending      bytea,
    pending_at   timestamptz,
    CONSTRAINT totps_confirmed CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT totps_pending CHECK ((pending IS NULL) = (pending_at IS NULL))
);
COMMENT ON TABLE totps IS 'Authenticator apps (RFC 6238): the one that counts, and the one that waits for its first code.';
COMMENT ON COLUMN totps.user_id IS 'internal: whose it is';
COMMENT ON COLUMN totps.secret IS 'secret: sealed; what codes are made of, once a code has confirmed it';
COMMENT ON COLUMN totps.confirmed_at IS 'internal: since when it counts';
COMMENT ON COLUMN totps.last_step IS 'internal: the step of the last code that was taken; no code of it or before is taken again';
COMMENT ON COLUMN totps.pending IS 'secret: sealed; a secret that waits for its first code';
COMMENT ON COLUMN totps.pending_at IS 'internal: since when it waits';
GRANT SELECT, INSERT, DELETE, UPDATE (secret, confirmed_at, last_step, pending, pending_at) ON totps TO mainstay_server;

-- One row a person: a new set takes the place of the old one whatever happens at the same time, and a code that is spent
-- leaves the set.
CREATE TABLE recovery_codes (
    user_id    uuid        CONSTRAINT recovery_codes_pkey PRIMARY KEY
        CONSTRAINT recovery_codes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    hashes     bytea[]     NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE recovery_codes IS 'Codes on paper, each taken once in place of a second factor.';
COMMENT ON COLUMN recovery_codes.user_id IS 'internal: whose they are';
COMMENT ON COLUMN recovery_codes.hashes IS 'secret: SHA-256 of each code that is left; a code has 125 random bits';
COMMENT ON COLUMN recovery_codes.created_at IS 'internal: when the set was made';
GRANT SELECT, INSERT, DELETE, UPDATE (hashes, created_at) ON recovery_codes TO mainstay_server;

CREATE TABLE passkeys (
    id              uuid        CONSTRAINT passkeys_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL CONSTRAINT passkeys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    name            bytea       NOT NULL,
    credential_hash bytea       NOT NULL CONSTRAINT passkeys_credential_hash_key UNIQUE,
    credential      bytea       NOT NULL,
    sign_count      bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz
);
CREATE INDEX passkeys_user_id_idx ON passkeys (user_id);
COMMENT ON TABLE passkeys IS 'Passkeys (W3C Web Authentication): each is a second factor, and enough to sign in alone.';
COMMENT ON COLUMN passkeys.id IS 'internal: UUID v7';
COMMENT ON COLUMN passkeys.user_id IS 'internal: whose it is';
COMMENT ON COLUMN passkeys.name IS 'personal: sealed; what its owner calls it';
COMMENT ON COLUMN passkeys.credential_hash IS 'internal: SHA-256 of the id that the authenticator gave it';
COMMENT ON COLUMN passkeys.credential IS 'personal: sealed; public key, counter and flags, so that nobody swaps the key for theirs';
COMMENT ON COLUMN passkeys.sign_count IS 'internal: the authenticator''s counter when it was last used; it never goes back';
COMMENT ON COLUMN passkeys.created_at IS 'internal: when it was added';
COMMENT ON COLUMN passkeys.last_used_at IS 'internal: when it was last used';
GRANT SELECT, INSERT, DELETE, UPDATE (name, credential, sign_count, last_used_at) ON passkeys TO mainstay_server;

CREATE TABLE webauthn_challenges (
    hash       bytea       CONSTRAINT webauthn_challenges_pkey PRIMARY KEY,
    user_id    uuid        CONSTRAINT webauthn_challenges_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    state      bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX webauthn_challenges_expires_at_idx ON webauthn_challenges (expires_at);
COMMENT ON TABLE webauthn_challenges IS 'Challenges that an authenticator has yet to answer, each taken once.';
COMMENT ON COLUMN webauthn_challenges.hash IS 'secret: SHA-256 of the challenge';
COMMENT ON COLUMN webauthn_challenges.user_id IS 'internal: whose new passkey is to answer; null at a sign-in, where nobody is known yet';
COMMENT ON COLUMN webauthn_challenges.state IS 'secret: sealed; what the answer is held against';
COMMENT ON COLUMN webauthn_challenges.expires_at IS 'internal: when it ends';
-- Nothing is ever updated; but a sweep that passes over the rows of another one locks its own, which takes the right to.
GRANT SELECT, INSERT, DELETE, UPDATE (expires_at) ON webauthn_challenges TO mainstay_server;

-- Whether an account has a second factor stands beside it, and follows from its factors alone. The account's row is
-- locked first, so that of two changes at once the later one sees what the earlier one did. Without a factor there is
-- nothing to recover.
CREATE FUNCTION note_second_factors() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER totps_note AFTER INSERT OR UPDATE OF secret OR DELETE ON totps
    FOR EACH ROW EXECUTE FUNCTION note_second_factors();
CREATE TRIGGER passkeys_note AFTER INSERT OR DELETE ON passkeys
    FOR EACH ROW EXECUTE FUNCTION note_second_factors();
