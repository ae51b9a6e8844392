-- Sessions, the refresh tokens that prolong them, and the codes that applications exchange for them.

-- A session may work in no organization, and outlives a membership only as an ended one: who leaves an organization is
-- signed out there.
CREATE TABLE mainstay.sessions (
    id               uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id          uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES mainstay.users (id),
    organization_id  uuid,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    kind             text        NOT NULL DEFAULT 'token'
        CONSTRAINT sessions_kind_known CHECK (kind IN ('token', 'cookie', 'client')),
    cookie_hash      bytea,
    client_id        text,
    scopes           text[],
    authenticated_at timestamptz NOT NULL,
    multi_factor     boolean     NOT NULL DEFAULT false,
    idle_expires_at  timestamptz,
    last_used_at     timestamptz,
    user_agent       bytea,
    address          bytea,
    client_secret_id uuid,
    grant_id         uuid
        CONSTRAINT sessions_grant_id_fkey REFERENCES mainstay.oauth_grants (id) ON DELETE CASCADE
);

CREATE INDEX sessions_user_id_idx ON mainstay.sessions (user_id, organization_id);
CREATE INDEX sessions_grant_id_idx ON mainstay.sessions (grant_id) WHERE grant_id IS NOT NULL;
-- Upkeep looks for these two.
CREATE INDEX sessions_expires_at_idx ON mainstay.sessions (expires_at);
CREATE INDEX sessions_ended_at_idx ON mainstay.sessions (ended_at) WHERE ended_at IS NOT NULL;

COMMENT ON TABLE mainstay.sessions IS 'Sessions. Ending one invalidates its tokens on every replica.';
COMMENT ON COLUMN mainstay.sessions.id IS 'internal: the sid claim of its tokens';
COMMENT ON COLUMN mainstay.sessions.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.sessions.organization_id IS 'internal: the organization that the session works in';
COMMENT ON COLUMN mainstay.sessions.created_at IS 'internal: when they signed in';
COMMENT ON COLUMN mainstay.sessions.expires_at IS 'internal: when it expires';
COMMENT ON COLUMN mainstay.sessions.ended_at IS 'internal: when it was ended';
COMMENT ON COLUMN mainstay.sessions.kind IS
    'internal: token, cookie or client (a machine, or an application that a person authorized)';
COMMENT ON COLUMN mainstay.sessions.cookie_hash IS 'secret: SHA-256 of the secret in the browser''s cookie';
COMMENT ON COLUMN mainstay.sessions.client_id IS 'internal: the OAuth client that it was made for';
COMMENT ON COLUMN mainstay.sessions.scopes IS
    'internal: the permissions that it is limited to; null when it is not';
COMMENT ON COLUMN mainstay.sessions.authenticated_at IS 'internal: when the person last authenticated';
COMMENT ON COLUMN mainstay.sessions.multi_factor IS 'internal: whether a second factor was used';
COMMENT ON COLUMN mainstay.sessions.idle_expires_at IS
    'internal: when it ends unless it is refreshed; null when it cannot be';
COMMENT ON COLUMN mainstay.sessions.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN mainstay.sessions.user_agent IS 'personal: sealed; the program that signed in';
COMMENT ON COLUMN mainstay.sessions.address IS 'personal: sealed; from where';
COMMENT ON COLUMN mainstay.sessions.client_secret_id IS
    'internal: the secret that a machine fetched its token with';
COMMENT ON COLUMN mainstay.sessions.grant_id IS
    'internal: the grant that an application''s session stands on, and is deleted with; null for all others';

GRANT SELECT, INSERT, DELETE ON mainstay.sessions TO mainstay_server;
GRANT UPDATE (
    organization_id, expires_at, ended_at, scopes, authenticated_at, multi_factor, idle_expires_at, last_used_at
) ON mainstay.sessions TO mainstay_server;

-- For sessions, and for API keys: replicas cache a key's principal under the key's id, as they do for a session.
CREATE FUNCTION mainstay.announce_session() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('session', OLD.id);
    RETURN NULL;
END
$$;

-- The other columns are bookkeeping, which makes no principal stale.
CREATE TRIGGER sessions_announce
    AFTER UPDATE OF organization_id, ended_at, expires_at, authenticated_at, multi_factor, scopes OR DELETE
    ON mainstay.sessions
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_session();

CREATE TABLE mainstay.refresh_tokens (
    hash       bytea       CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id uuid        NOT NULL
        CONSTRAINT refresh_tokens_session_id_fkey REFERENCES mainstay.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    successor  bytea
);

CREATE INDEX refresh_tokens_session_id_idx ON mainstay.refresh_tokens (session_id);
-- Upkeep looks for it.
CREATE INDEX refresh_tokens_used_at_idx ON mainstay.refresh_tokens (used_at) WHERE used_at IS NOT NULL;

COMMENT ON TABLE mainstay.refresh_tokens IS
    'The refresh tokens of a session, old ones too: one that comes back ends the session.';
COMMENT ON COLUMN mainstay.refresh_tokens.hash IS 'secret: SHA-256 of the token';
COMMENT ON COLUMN mainstay.refresh_tokens.session_id IS 'internal: the family';
COMMENT ON COLUMN mainstay.refresh_tokens.created_at IS 'internal: when it was issued';
COMMENT ON COLUMN mainstay.refresh_tokens.used_at IS 'internal: when it was exchanged';
COMMENT ON COLUMN mainstay.refresh_tokens.successor IS
    'secret: sealed; what it was exchanged for, for a retry within seconds';

GRANT SELECT, INSERT, DELETE ON mainstay.refresh_tokens TO mainstay_server;
GRANT UPDATE (used_at, successor) ON mainstay.refresh_tokens TO mainstay_server;

CREATE TABLE mainstay.authorization_codes (
    hash            bytea       CONSTRAINT authorization_codes_pkey PRIMARY KEY,
    client_id       text        NOT NULL
        CONSTRAINT authorization_codes_client_id_fkey REFERENCES mainstay.oauth_clients (client_id),
    redirect_uri    text        NOT NULL,
    challenge       bytea       NOT NULL,
    granted_by      uuid        NOT NULL
        CONSTRAINT authorization_codes_granted_by_fkey REFERENCES mainstay.sessions (id) ON DELETE CASCADE,
    organization_id uuid
        CONSTRAINT authorization_codes_organization_id_fkey REFERENCES mainstay.organizations (id) ON DELETE CASCADE,
    scopes          text[]      NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    session_id      uuid
        CONSTRAINT authorization_codes_session_id_fkey REFERENCES mainstay.sessions (id) ON DELETE CASCADE,
    grant_id        uuid        NOT NULL
        CONSTRAINT authorization_codes_grant_id_fkey REFERENCES mainstay.oauth_grants (id) ON DELETE CASCADE
);

CREATE INDEX authorization_codes_granted_by_idx ON mainstay.authorization_codes (granted_by);
CREATE INDEX authorization_codes_session_id_idx ON mainstay.authorization_codes (session_id);
CREATE INDEX authorization_codes_organization_id_idx ON mainstay.authorization_codes (organization_id);
CREATE INDEX authorization_codes_grant_id_idx ON mainstay.authorization_codes (grant_id);

COMMENT ON TABLE mainstay.authorization_codes IS
    'Codes for tokens, each good once and within a minute; one that comes back ends what it gave.';
COMMENT ON COLUMN mainstay.authorization_codes.hash IS 'secret: SHA-256 of the code';
COMMENT ON COLUMN mainstay.authorization_codes.client_id IS 'internal: the application that received it';
COMMENT ON COLUMN mainstay.authorization_codes.redirect_uri IS 'internal: where it was sent';
COMMENT ON COLUMN mainstay.authorization_codes.challenge IS
    'internal: SHA-256 of the verifier that the application keeps (RFC 7636)';
COMMENT ON COLUMN mainstay.authorization_codes.granted_by IS
    'internal: the session in which the person authorized the application';
COMMENT ON COLUMN mainstay.authorization_codes.organization_id IS 'internal: the organization of that session';
COMMENT ON COLUMN mainstay.authorization_codes.scopes IS 'internal: what it gives: permissions, or the least scope';
COMMENT ON COLUMN mainstay.authorization_codes.created_at IS 'internal: when it was given';
COMMENT ON COLUMN mainstay.authorization_codes.expires_at IS 'internal: when it expires';
COMMENT ON COLUMN mainstay.authorization_codes.used_at IS 'internal: when it was exchanged';
COMMENT ON COLUMN mainstay.authorization_codes.session_id IS 'internal: the session that it was exchanged for';
COMMENT ON COLUMN mainstay.authorization_codes.grant_id IS 'internal: the grant that it depends on';

GRANT SELECT, INSERT, DELETE ON mainstay.authorization_codes TO mainstay_server;
GRANT UPDATE (used_at, session_id) ON mainstay.authorization_codes TO mainstay_server;

-- Ends the sessions of an account, or those in one organization where `place` is given, and returns their ids. Codes
-- that were granted and not exchanged yet are deleted too, also those of the session that is kept: they would give
-- another session.
--
-- A statement that waited for a lock does not see what was committed meanwhile. A volatile function reads with a
-- snapshot of its own. The calling statement must hold a lock that conflicts with FOR SHARE on the account's row, or on
-- the membership where `place` is given: then no session starts beside it.
CREATE FUNCTION mainstay.end_sessions(person uuid, place uuid, kept uuid, at timestamptz) RETURNS uuid[]
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    ended uuid[];
BEGIN
    WITH gone AS (
        UPDATE sessions s
        SET ended_at = at
        WHERE s.user_id = person
            AND (place IS NULL OR s.organization_id = place)
            AND s.id IS DISTINCT FROM kept
            AND s.ended_at IS NULL
        RETURNING s.id
    )
    SELECT coalesce(array_agg(gone.id), '{}') INTO ended FROM gone;

    DELETE FROM authorization_codes c
    USING sessions s
    WHERE c.granted_by = s.id
        AND s.user_id = person
        AND c.used_at IS NULL
        AND (place IS NULL OR c.organization_id = place);

    RETURN ended;
END
$$;

REVOKE ALL ON FUNCTION mainstay.end_sessions(uuid, uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.end_sessions(uuid, uuid, uuid, timestamptz) TO mainstay_server;

-- Ends the sessions of an application that the calling statement has deactivated.
CREATE FUNCTION mainstay.end_sessions_of_client(client text, at timestamptz) RETURNS void
    LANGUAGE sql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
    UPDATE sessions SET ended_at = at WHERE client_id = client AND ended_at IS NULL
$$;

REVOKE ALL ON FUNCTION mainstay.end_sessions_of_client(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.end_sessions_of_client(text, timestamptz) TO mainstay_server;

-- Deletes the memberships and sessions of an account that the calling statement has deleted, also those that were
-- committed while the statement waited for the account's row. Rows are locked in one order everywhere: organization,
-- account, membership, session.
CREATE FUNCTION mainstay.forget_account(person uuid) RETURNS void
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    DELETE FROM memberships WHERE user_id = person;
    DELETE FROM sessions WHERE user_id = person;
END
$$;

REVOKE ALL ON FUNCTION mainstay.forget_account(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.forget_account(uuid) TO mainstay_server;
