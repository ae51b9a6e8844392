-- What machines authenticate with: API keys, of persons and of service accounts, and the secrets of OAuth clients.

CREATE TABLE api_keys (
    id              uuid        CONSTRAINT api_keys_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL CONSTRAINT api_keys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    organization_id uuid        NOT NULL
        CONSTRAINT api_keys_organization_id_fkey REFERENCES organizations (id) ON DELETE CASCADE,
    member_since    timestamptz NOT NULL,
    name            text        NOT NULL CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    secret_hash     bytea       NOT NULL,
    scopes          text[],
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id);
CREATE INDEX api_keys_organization_id_idx ON api_keys (organization_id, id);
COMMENT ON TABLE api_keys IS 'Keys with which programs call the API in the name of an account. The key itself is shown once and not kept.';
COMMENT ON COLUMN api_keys.id IS 'internal: UUID v7; part of the key, so that a found one can be told and revoked';
COMMENT ON COLUMN api_keys.user_id IS 'internal: in whose name it calls';
COMMENT ON COLUMN api_keys.organization_id IS 'internal: where it works';
COMMENT ON COLUMN api_keys.member_since IS 'internal: the membership that it stands on; it does not outlive it, even if there is another one later';
COMMENT ON COLUMN api_keys.name IS 'internal: what its owner calls it';
COMMENT ON COLUMN api_keys.secret_hash IS 'secret: SHA-256 of the key';
COMMENT ON COLUMN api_keys.scopes IS 'internal: the permissions that it is limited to; null when it may do whatever the role grants';
COMMENT ON COLUMN api_keys.created_at IS 'internal: when it was made';
COMMENT ON COLUMN api_keys.expires_at IS 'internal: when it ends by itself';
COMMENT ON COLUMN api_keys.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN api_keys.revoked_at IS 'internal: when it was revoked';

GRANT SELECT, INSERT ON api_keys TO mainstay_server;
GRANT UPDATE (last_used_at, revoked_at) ON api_keys TO mainstay_server;

-- Replicas keep a key's principal under the key's id, as they keep a session's.
CREATE TRIGGER api_keys_announce AFTER UPDATE OF expires_at, revoked_at, scopes, secret_hash OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION announce_session();

CREATE TABLE client_secrets (
    id              uuid        CONSTRAINT client_secrets_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL CONSTRAINT client_secrets_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    organization_id uuid        NOT NULL
        CONSTRAINT client_secrets_organization_id_fkey REFERENCES organizations (id) ON DELETE CASCADE,
    member_since    timestamptz NOT NULL,
    secret_hash     bytea       NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX client_secrets_user_id_idx ON client_secrets (user_id);
COMMENT ON TABLE client_secrets IS 'With what a service account authenticates as an OAuth client. Several are valid at once, so that one can take over from another.';
COMMENT ON COLUMN client_secrets.id IS 'internal: UUID v7';
COMMENT ON COLUMN client_secrets.user_id IS 'internal: the service account, which is the client_id';
COMMENT ON COLUMN client_secrets.organization_id IS 'internal: where it works';
COMMENT ON COLUMN client_secrets.member_since IS 'internal: the membership that it stands on, as for a key';
COMMENT ON COLUMN client_secrets.secret_hash IS 'secret: SHA-256 of the secret';
COMMENT ON COLUMN client_secrets.created_at IS 'internal: when it was made';
COMMENT ON COLUMN client_secrets.expires_at IS 'internal: when it ends by itself';
COMMENT ON COLUMN client_secrets.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN client_secrets.revoked_at IS 'internal: when it was revoked';

GRANT SELECT, INSERT ON client_secrets TO mainstay_server;
GRANT UPDATE (last_used_at, revoked_at) ON client_secrets TO mainstay_server;

-- Whether a role is more than somebody may hand on, who holds these permissions: nobody grants what they do not hold, and
-- only an owner makes an owner.
CREATE FUNCTION role_exceeds(role uuid, held text[], by_owner boolean) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT (role = '00000000-0000-7000-8000-000000000001' AND NOT by_owner)
        OR EXISTS (SELECT FROM role_permissions p WHERE p.role_id = role AND p.permission <> ALL (held))
$$;
REVOKE ALL ON FUNCTION role_exceeds(uuid, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION role_exceeds(uuid, text[], boolean) TO mainstay_server;
