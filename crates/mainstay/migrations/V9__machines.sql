-- Credentials of machines: API keys of persons and of service accounts, and the secrets of OAuth clients.
--
-- A credential has the permissions of the moment it was made, as far as its account and its sponsor hold them now.

CREATE TABLE mainstay.api_keys (
    id              uuid        CONSTRAINT api_keys_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL
        CONSTRAINT api_keys_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    organization_id uuid        NOT NULL
        CONSTRAINT api_keys_organization_id_fkey REFERENCES mainstay.organizations (id) ON DELETE CASCADE,
    member_since    timestamptz NOT NULL,
    name            text        NOT NULL
        CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
        CONSTRAINT api_keys_name_line CHECK (mainstay.is_line(name)),
    secret_hash     bytea       NOT NULL,
    scopes          text[],
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    made_by         uuid,
    sponsor_id      uuid,
    sponsor_since   timestamptz,
    permissions     text[]      NOT NULL DEFAULT '{}'
);

CREATE INDEX api_keys_user_id_idx ON mainstay.api_keys (user_id);
CREATE INDEX api_keys_organization_id_idx ON mainstay.api_keys (organization_id, id);

COMMENT ON TABLE mainstay.api_keys IS
    'Keys with which programs call the API in the name of an account. The key itself is shown once and not kept.';
COMMENT ON COLUMN mainstay.api_keys.id IS
    'internal: UUID v7; part of the key, so that a key that is found can be identified and revoked';
COMMENT ON COLUMN mainstay.api_keys.user_id IS 'internal: the account that it acts for';
COMMENT ON COLUMN mainstay.api_keys.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.api_keys.member_since IS
    'internal: the membership that it stands on; it does not outlive it, even if there is another one later';
COMMENT ON COLUMN mainstay.api_keys.name IS 'internal: its name, given by its owner';
COMMENT ON COLUMN mainstay.api_keys.secret_hash IS 'secret: SHA-256 of the key';
COMMENT ON COLUMN mainstay.api_keys.scopes IS
    'internal: the permissions that it is limited to; null if it may do all that the role grants';
COMMENT ON COLUMN mainstay.api_keys.created_at IS 'internal: when it was created';
COMMENT ON COLUMN mainstay.api_keys.expires_at IS 'internal: when it expires';
COMMENT ON COLUMN mainstay.api_keys.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN mainstay.api_keys.revoked_at IS 'internal: when it was revoked';
COMMENT ON COLUMN mainstay.api_keys.made_by IS 'internal: the account that created it; null if unknown';
COMMENT ON COLUMN mainstay.api_keys.sponsor_id IS
    'internal: the account whose rights it depends on: its maker, or the owner who took it over';
COMMENT ON COLUMN mainstay.api_keys.sponsor_since IS
    'internal: the sponsor''s membership that it depends on; it does not outlive it';
COMMENT ON COLUMN mainstay.api_keys.permissions IS
    'internal: what account and sponsor held when it was made or taken over, within its scopes';

GRANT SELECT, INSERT ON mainstay.api_keys TO mainstay_server;
GRANT UPDATE (last_used_at, revoked_at, sponsor_id, sponsor_since, permissions)
    ON mainstay.api_keys TO mainstay_server;

CREATE TRIGGER api_keys_announce
    AFTER UPDATE OF expires_at, revoked_at, scopes, secret_hash OR DELETE ON mainstay.api_keys
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_session();

CREATE TRIGGER api_keys_sponsor_announce
    AFTER UPDATE OF sponsor_id, sponsor_since, permissions ON mainstay.api_keys
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_session();

CREATE TABLE mainstay.client_secrets (
    id              uuid        CONSTRAINT client_secrets_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL
        CONSTRAINT client_secrets_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    organization_id uuid        NOT NULL
        CONSTRAINT client_secrets_organization_id_fkey REFERENCES mainstay.organizations (id) ON DELETE CASCADE,
    member_since    timestamptz NOT NULL,
    secret_hash     bytea       NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    made_by         uuid,
    sponsor_id      uuid,
    sponsor_since   timestamptz,
    scopes          text[],
    permissions     text[]      NOT NULL DEFAULT '{}'
);

CREATE INDEX client_secrets_user_id_idx ON mainstay.client_secrets (user_id);

COMMENT ON TABLE mainstay.client_secrets IS
    'With what a service account authenticates as an OAuth client. Several are valid at once, so that one can take '
    'over from another.';
COMMENT ON COLUMN mainstay.client_secrets.id IS 'internal: UUID v7';
COMMENT ON COLUMN mainstay.client_secrets.user_id IS 'internal: the service account, which is the client_id';
COMMENT ON COLUMN mainstay.client_secrets.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.client_secrets.member_since IS 'internal: the membership that it depends on, as for a key';
COMMENT ON COLUMN mainstay.client_secrets.secret_hash IS 'secret: SHA-256 of the secret';
COMMENT ON COLUMN mainstay.client_secrets.created_at IS 'internal: when it was created';
COMMENT ON COLUMN mainstay.client_secrets.expires_at IS 'internal: when it expires';
COMMENT ON COLUMN mainstay.client_secrets.last_used_at IS 'internal: when it was last used, to the minute';
COMMENT ON COLUMN mainstay.client_secrets.revoked_at IS 'internal: when it was revoked';
COMMENT ON COLUMN mainstay.client_secrets.made_by IS 'internal: the account that created it; null if unknown';
COMMENT ON COLUMN mainstay.client_secrets.sponsor_id IS
    'internal: the account whose rights it depends on, as for a key';
COMMENT ON COLUMN mainstay.client_secrets.sponsor_since IS
    'internal: the sponsor''s membership that it depends on, as for a key';
COMMENT ON COLUMN mainstay.client_secrets.scopes IS
    'internal: the permissions that it is limited to; null when it is not limited';
COMMENT ON COLUMN mainstay.client_secrets.permissions IS
    'internal: what account and sponsor held when it was made or taken over, within its scopes';

GRANT SELECT, INSERT ON mainstay.client_secrets TO mainstay_server;
GRANT UPDATE (last_used_at, revoked_at, sponsor_id, sponsor_since, permissions)
    ON mainstay.client_secrets TO mainstay_server;

CREATE TRIGGER client_secrets_sponsor_announce
    AFTER UPDATE OF sponsor_id, sponsor_since, permissions ON mainstay.client_secrets
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_membership();

-- The permissions that a new credential of an account gets: those of the account's role that its maker holds too,
-- within the scopes. Without scopes it gets no administrative one.
CREATE FUNCTION mainstay.credential_permissions(role uuid, held text[], scopes text[]) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT coalesce(array_agg(p.name ORDER BY p.name), '{}')
    FROM role_permissions g
    JOIN permissions p ON p.name = g.permission
    WHERE g.role_id = role
        AND p.name = ANY (held)
        AND CASE WHEN scopes IS NULL THEN NOT p.administrative ELSE p.name = ANY (scopes) END
$$;

REVOKE ALL ON FUNCTION mainstay.credential_permissions(uuid, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.credential_permissions(uuid, text[], text[]) TO mainstay_server;

-- Those of a credential's permissions that it may use now: that the account's role and the sponsor's still grant. A
-- sponsor who left, was removed or deactivated has no role here.
CREATE FUNCTION mainstay.usable_permissions(kept text[], role uuid, sponsor_role uuid) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT coalesce(array_agg(g.permission ORDER BY g.permission), '{}')
    FROM role_permissions g
    JOIN role_permissions s ON s.role_id = sponsor_role AND s.permission = g.permission
    WHERE g.role_id = role AND g.permission = ANY (kept)
$$;

REVOKE ALL ON FUNCTION mainstay.usable_permissions(text[], uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.usable_permissions(text[], uuid, uuid) TO mainstay_server;

-- The role of a credential's sponsor now. Null once the sponsor is no longer an active member, also where the sponsor
-- became a member again later.
CREATE FUNCTION mainstay.sponsor_role(sponsor uuid, since timestamptz, organization uuid) RETURNS uuid
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT m.role_id
    FROM memberships m
    JOIN users u ON u.id = m.user_id AND u.active
    WHERE m.user_id = sponsor AND m.organization_id = organization AND m.created_at = since
$$;

REVOKE ALL ON FUNCTION mainstay.sponsor_role(uuid, timestamptz, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.sponsor_role(uuid, timestamptz, uuid) TO mainstay_server;

-- The names of the valid API keys of an account, oldest first. A new password does not revoke them, so its letter lists
-- them.
CREATE FUNCTION mainstay.live_keys(person uuid, at timestamptz) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT ARRAY(
        SELECT k.name
        FROM api_keys k
        JOIN memberships m ON m.user_id = k.user_id
            AND m.organization_id = k.organization_id
            AND m.created_at = k.member_since
        WHERE k.user_id = person AND k.revoked_at IS NULL AND k.expires_at > at
        ORDER BY k.created_at, k.name
    )
$$;

REVOKE ALL ON FUNCTION mainstay.live_keys(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.live_keys(uuid, timestamptz) TO mainstay_server;

-- Ends every session of an organization's members and service accounts, in whichever organization it works, and revokes
-- the organization's keys and secrets. Each statement sees what was committed while the one before waited for the
-- accounts: what starts at the same time is revoked with the rest, or starts after it.
CREATE FUNCTION mainstay.revoke_organization(
    place uuid,
    at timestamptz,
    OUT ended_sessions bigint,
    OUT revoked_api_keys bigint,
    OUT revoked_client_secrets bigint
)
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM FROM users u
        WHERE u.id IN (SELECT m.user_id FROM memberships m WHERE m.organization_id = place)
        ORDER BY u.id
        FOR NO KEY UPDATE;

    SELECT coalesce(sum(cardinality(end_sessions(m.user_id, NULL, NULL, at))), 0) INTO ended_sessions
        FROM memberships m
        WHERE m.organization_id = place;

    UPDATE api_keys k SET revoked_at = at WHERE k.organization_id = place AND k.revoked_at IS NULL;
    GET DIAGNOSTICS revoked_api_keys = ROW_COUNT;

    UPDATE client_secrets c SET revoked_at = at WHERE c.organization_id = place AND c.revoked_at IS NULL;
    GET DIAGNOSTICS revoked_client_secrets = ROW_COUNT;
END
$$;

REVOKE ALL ON FUNCTION mainstay.revoke_organization(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.revoke_organization(uuid, timestamptz) TO mainstay_server;
