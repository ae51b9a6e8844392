-- Accounts that people make, change and delete themselves; sessions that are refreshed, listed and ended.

-- A service account is an account without a person: it has a name, and neither an address nor a password. A person who
-- signs in elsewhere has no password.
ALTER TABLE users ALTER COLUMN data_key DROP NOT NULL, ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN email_index DROP NOT NULL, ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE users
    ADD COLUMN kind text NOT NULL DEFAULT 'person' CONSTRAINT users_kind_known CHECK (kind IN ('person', 'service')),
    ADD COLUMN name text CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    ADD COLUMN second_factor boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT users_person_has_address
        CHECK (kind = 'service' OR (email IS NOT NULL AND email_index IS NOT NULL AND data_key IS NOT NULL)),
    ADD CONSTRAINT users_service_has_name CHECK (kind = 'person' OR (name IS NOT NULL AND password_hash IS NULL));
COMMENT ON COLUMN users.kind IS 'internal: person or service';
COMMENT ON COLUMN users.name IS 'internal: what a service account is called; null for persons';
COMMENT ON COLUMN users.second_factor IS 'internal: whether sign-in takes a second factor';

GRANT UPDATE (data_key, email, email_index, name, second_factor), DELETE ON users TO mainstay_server;
GRANT UPDATE (name), DELETE ON organizations TO mainstay_server;

-- A session may work in no organization, and outlives a membership only as an ended one: who leaves is signed out there.
ALTER TABLE sessions DROP CONSTRAINT sessions_membership_fkey, ALTER COLUMN organization_id DROP NOT NULL;
ALTER TABLE sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    ADD COLUMN kind text NOT NULL DEFAULT 'token'
        CONSTRAINT sessions_kind_known CHECK (kind IN ('token', 'cookie', 'client')),
    ADD COLUMN cookie_hash bytea,
    ADD COLUMN client_id text,
    ADD COLUMN scopes text[],
    ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN multi_factor boolean NOT NULL DEFAULT false,
    ADD COLUMN idle_expires_at timestamptz,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN user_agent bytea,
    ADD COLUMN address bytea;
-- Only what stood there before needed a default.
ALTER TABLE sessions ALTER COLUMN authenticated_at DROP DEFAULT;
COMMENT ON COLUMN sessions.kind IS 'internal: token, cookie or client (a machine, or an application that a person let in)';
COMMENT ON COLUMN sessions.cookie_hash IS 'secret: SHA-256 of the secret in the browser''s cookie';
COMMENT ON COLUMN sessions.client_id IS 'internal: the OAuth client that it was made for';
COMMENT ON COLUMN sessions.scopes IS 'internal: the permissions that it is limited to; null when it is not';
COMMENT ON COLUMN sessions.authenticated_at IS 'internal: when the person last proved who it is';
COMMENT ON COLUMN sessions.multi_factor IS 'internal: whether that took a second factor';
COMMENT ON COLUMN sessions.idle_expires_at IS 'internal: when it ends unless it is refreshed; null when it cannot be';
COMMENT ON COLUMN sessions.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN sessions.user_agent IS 'personal: sealed; the program that signed in';
COMMENT ON COLUMN sessions.address IS 'personal: sealed; from where';
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

GRANT UPDATE (organization_id, authenticated_at, multi_factor, scopes, expires_at, idle_expires_at, last_used_at)
    ON sessions TO mainstay_server;

-- What is only bookkeeping makes no principal stale.
DROP TRIGGER sessions_announce ON sessions;
CREATE TRIGGER sessions_announce
    AFTER UPDATE OF organization_id, ended_at, expires_at, authenticated_at, multi_factor, scopes OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION announce_session();
-- A second factor that comes or goes changes what a session must show.
DROP TRIGGER users_announce ON users;
CREATE TRIGGER users_announce AFTER UPDATE OF active, second_factor OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION announce_user();

CREATE TABLE refresh_tokens (
    hash       bytea       CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id uuid        NOT NULL
        CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    successor  bytea
);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
COMMENT ON TABLE refresh_tokens IS 'The refresh tokens of a session, old ones too: one that comes back ends the session.';
COMMENT ON COLUMN refresh_tokens.hash IS 'secret: SHA-256 of the token';
COMMENT ON COLUMN refresh_tokens.session_id IS 'internal: the family';
COMMENT ON COLUMN refresh_tokens.created_at IS 'internal: when it was issued';
COMMENT ON COLUMN refresh_tokens.used_at IS 'internal: when it was exchanged';
COMMENT ON COLUMN refresh_tokens.successor IS 'secret: sealed; what it was exchanged for, for a retry within seconds';
GRANT SELECT, INSERT, DELETE, UPDATE (used_at, successor) ON refresh_tokens TO mainstay_server;

CREATE TABLE sign_ups (
    hash       bytea       CONSTRAINT sign_ups_pkey PRIMARY KEY,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ups_expires_at_idx ON sign_ups (expires_at);
COMMENT ON TABLE sign_ups IS 'Accounts that somebody asked for and whose address nobody has confirmed yet.';
COMMENT ON COLUMN sign_ups.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN sign_ups.payload IS 'personal: sealed; address, password hash and the organization''s name';
COMMENT ON COLUMN sign_ups.created_at IS 'internal: when it was asked for';
COMMENT ON COLUMN sign_ups.expires_at IS 'internal: when the token ends';
GRANT SELECT, INSERT, DELETE ON sign_ups TO mainstay_server;

CREATE TABLE password_resets (
    hash       bytea       CONSTRAINT password_resets_pkey PRIMARY KEY,
    user_id    uuid        NOT NULL CONSTRAINT password_resets_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_user_id_idx ON password_resets (user_id);
COMMENT ON TABLE password_resets IS 'Tokens that allow to set a password once.';
COMMENT ON COLUMN password_resets.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN password_resets.user_id IS 'internal: whose password';
COMMENT ON COLUMN password_resets.created_at IS 'internal: when it was asked for';
COMMENT ON COLUMN password_resets.expires_at IS 'internal: when the token ends';
GRANT SELECT, INSERT, DELETE ON password_resets TO mainstay_server;

CREATE TABLE email_changes (
    user_id          uuid        CONSTRAINT email_changes_pkey PRIMARY KEY
        CONSTRAINT email_changes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    email            bytea       NOT NULL,
    email_index      bytea       NOT NULL,
    old_hash         bytea       NOT NULL CONSTRAINT email_changes_old_hash_key UNIQUE,
    new_hash         bytea       NOT NULL CONSTRAINT email_changes_new_hash_key UNIQUE,
    old_confirmed_at timestamptz,
    new_confirmed_at timestamptz,
    applied_at       timestamptz,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);
COMMENT ON TABLE email_changes IS 'Changes of address that wait to be confirmed at the old one and at the new one.';
COMMENT ON COLUMN email_changes.user_id IS 'internal: whose address';
COMMENT ON COLUMN email_changes.email IS 'personal: sealed; the new address';
COMMENT ON COLUMN email_changes.email_index IS 'personal: its blind index';
COMMENT ON COLUMN email_changes.old_hash IS 'secret: SHA-256 of the token mailed to the old address';
COMMENT ON COLUMN email_changes.new_hash IS 'secret: SHA-256 of the token mailed to the new address';
COMMENT ON COLUMN email_changes.old_confirmed_at IS 'internal: when the old address confirmed it';
COMMENT ON COLUMN email_changes.new_confirmed_at IS 'internal: when the new address confirmed it';
COMMENT ON COLUMN email_changes.applied_at IS 'internal: when both had, and the address was changed';
COMMENT ON COLUMN email_changes.created_at IS 'internal: when it was asked for';
COMMENT ON COLUMN email_changes.expires_at IS 'internal: when the tokens end';
GRANT SELECT, INSERT, DELETE, UPDATE ON email_changes TO mainstay_server;

-- Whether an organization (one of somebody's, or the one that is named) would be without an owner without them. It locks
-- the organization first and looks then, so that of two owners who go at once one stays.
CREATE FUNCTION is_last_owner(member uuid, place uuid DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    owner CONSTANT uuid := '00000000-0000-7000-8000-000000000001';
BEGIN
    PERFORM FROM organizations o JOIN memberships m ON m.organization_id = o.id
        WHERE m.user_id = member AND m.role_id = owner AND (place IS NULL OR o.id = place)
        ORDER BY o.id FOR UPDATE OF o;
    RETURN EXISTS (SELECT FROM memberships mine
        WHERE mine.user_id = member AND mine.role_id = owner AND (place IS NULL OR mine.organization_id = place)
            AND NOT EXISTS (SELECT FROM memberships other JOIN users u ON u.id = other.user_id
                WHERE other.organization_id = mine.organization_id AND other.role_id = owner
                    AND other.user_id <> member AND u.active AND u.kind = 'person'));
END
$$;
REVOKE ALL ON FUNCTION is_last_owner(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_last_owner(uuid, uuid) TO mainstay_server;
