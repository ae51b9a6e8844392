-- A credential of a machine holds the rights of the moment it was made, as far as its account and its sponsor hold them now.

ALTER TABLE permissions ADD COLUMN administrative boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN permissions.administrative IS 'public: whether it widens or takes away what others may do; a credential carries it only if its scopes name it';

-- The migrate command writes what the code declares; the back-fill below needs it earlier.
UPDATE permissions SET administrative = true
    WHERE name IN ('api_keys.manage', 'members.manage', 'organization.delete', 'organization.hand_over', 'organization.update',
        'roles.manage', 'service_accounts.manage');

ALTER TABLE api_keys
    ADD COLUMN made_by uuid,
    ADD COLUMN sponsor_id uuid,
    ADD COLUMN sponsor_since timestamptz,
    ADD COLUMN permissions text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN api_keys.made_by IS 'internal: the account that made it; null where that is unknown';
COMMENT ON COLUMN api_keys.sponsor_id IS 'internal: the account whose rights it depends on: its maker, or the owner who took it over';
COMMENT ON COLUMN api_keys.sponsor_since IS 'internal: the sponsor''s membership that it depends on; it does not outlive it';
COMMENT ON COLUMN api_keys.permissions IS 'internal: what account and sponsor held when it was made or taken over, within its scopes';

ALTER TABLE client_secrets
    ADD COLUMN made_by uuid,
    ADD COLUMN sponsor_id uuid,
    ADD COLUMN sponsor_since timestamptz,
    ADD COLUMN scopes text[],
    ADD COLUMN permissions text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN client_secrets.made_by IS 'internal: the account that made it; null where that is unknown';
COMMENT ON COLUMN client_secrets.sponsor_id IS 'internal: the account whose rights it depends on, as for a key';
COMMENT ON COLUMN client_secrets.sponsor_since IS 'internal: the sponsor''s membership that it depends on, as for a key';
COMMENT ON COLUMN client_secrets.scopes IS 'internal: the permissions that it is limited to; null when it is not limited';
COMMENT ON COLUMN client_secrets.permissions IS 'internal: what account and sponsor held when it was made or taken over, within its scopes';

ALTER TABLE sessions ADD COLUMN client_secret_id uuid;
COMMENT ON COLUMN sessions.client_secret_id IS 'internal: the secret that a machine fetched its token with';

-- The permissions that a new credential of an account gets: those of the account's role that its maker holds too, within
-- the scopes. Without scopes it gets no administrative one.
CREATE FUNCTION credential_permissions(role uuid, held text[], scopes text[]) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(p.name ORDER BY p.name), '{}')
    FROM role_permissions g
    JOIN permissions p ON p.name = g.permission
    WHERE g.role_id = role
        AND p.name = ANY (held)
        AND CASE WHEN scopes IS NULL THEN NOT p.administrative ELSE p.name = ANY (scopes) END
$$;
REVOKE ALL ON FUNCTION credential_permissions(uuid, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION credential_permissions(uuid, text[], text[]) TO mainstay_server;

-- Those of a credential's permissions that it may use now: that the account's role and the sponsor's still grant. A sponsor
-- who left, was removed or deactivated has no role here.
CREATE FUNCTION usable_permissions(kept text[], role uuid, sponsor_role uuid) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(g.permission ORDER BY g.permission), '{}')
    FROM role_permissions g
    JOIN role_permissions s ON s.role_id = sponsor_role AND s.permission = g.permission
    WHERE g.role_id = role AND g.permission = ANY (kept)
$$;
REVOKE ALL ON FUNCTION usable_permissions(text[], uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usable_permissions(text[], uuid, uuid) TO mainstay_server;

-- The role of a credential's sponsor now; null once the sponsor is no active member any more, or only became one again.
CREATE FUNCTION sponsor_role(sponsor uuid, since timestamptz, organization uuid) RETURNS uuid
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT m.role_id
    FROM memberships m
    JOIN users u ON u.id = m.user_id AND u.active
    WHERE m.user_id = sponsor AND m.organization_id = organization AND m.created_at = since
$$;
REVOKE ALL ON FUNCTION sponsor_role(uuid, timestamptz, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sponsor_role(uuid, timestamptz, uuid) TO mainstay_server;

-- Credentials that exist: a person's key was made by that person, the audit log names the maker of the others. Where it does
-- not, the longest-standing owner sponsors them. A maker who is no member any more leaves a credential without rights.
CREATE FUNCTION maker_on_record(kind text, credential uuid) RETURNS uuid
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT actor_id
    FROM audit_events
    WHERE resource_id = credential AND resource = kind AND action = 'authn_token_created' AND actor_id IS NOT NULL
    ORDER BY id
    LIMIT 1
$$;
CREATE FUNCTION first_owner(organization uuid) RETURNS uuid
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT m.user_id
    FROM memberships m
    JOIN users u ON u.id = m.user_id AND u.active AND u.kind = 'person'
    WHERE m.organization_id = organization AND m.role_id = '00000000-0000-7000-8000-000000000001'
    ORDER BY m.created_at, m.user_id
    LIMIT 1
$$;
UPDATE api_keys k SET made_by = CASE WHEN u.kind = 'person' THEN k.user_id ELSE maker_on_record('api_key', k.id) END
    FROM users u WHERE u.id = k.user_id;
UPDATE client_secrets c SET made_by = maker_on_record('client_secret', c.id);
UPDATE api_keys SET sponsor_id = coalesce(made_by, first_owner(organization_id));
UPDATE client_secrets SET sponsor_id = coalesce(made_by, first_owner(organization_id));
UPDATE api_keys k SET sponsor_since = m.created_at FROM memberships m
    WHERE m.user_id = k.sponsor_id AND m.organization_id = k.organization_id
        AND (m.created_at <= k.created_at OR k.made_by IS NULL);
UPDATE client_secrets c SET sponsor_since = m.created_at FROM memberships m
    WHERE m.user_id = c.sponsor_id AND m.organization_id = c.organization_id
        AND (m.created_at <= c.created_at OR c.made_by IS NULL);
-- What they hold today is what their account and their sponsor hold today.
UPDATE api_keys k SET permissions = credential_permissions(m.role_id,
        ARRAY(SELECT permission FROM role_permissions WHERE role_id = sponsor_role(k.sponsor_id, k.sponsor_since, k.organization_id)),
        k.scopes)
    FROM memberships m WHERE m.user_id = k.user_id AND m.organization_id = k.organization_id AND m.created_at = k.member_since;
UPDATE client_secrets c SET permissions = credential_permissions(m.role_id,
        ARRAY(SELECT permission FROM role_permissions WHERE role_id = sponsor_role(c.sponsor_id, c.sponsor_since, c.organization_id)),
        NULL)
    FROM memberships m WHERE m.user_id = c.user_id AND m.organization_id = c.organization_id AND m.created_at = c.member_since;
-- Only the back-fill above asks them.
DROP FUNCTION maker_on_record(text, uuid);
-- As above.
DROP FUNCTION first_owner(uuid);

-- Tokens of machines name no secret: they are fetched again.
UPDATE sessions s SET ended_at = now() FROM users u WHERE u.id = s.user_id AND u.kind = 'service' AND s.ended_at IS NULL;

GRANT UPDATE (sponsor_id, sponsor_since, permissions) ON api_keys, client_secrets TO mainstay_server;

-- Replicas keep what a credential may do in memory.
CREATE TRIGGER api_keys_sponsor_announce AFTER UPDATE OF sponsor_id, sponsor_since, permissions ON api_keys
    FOR EACH ROW EXECUTE FUNCTION announce_session();
CREATE TRIGGER client_secrets_sponsor_announce AFTER UPDATE OF sponsor_id, sponsor_since, permissions ON client_secrets
    FOR EACH ROW EXECUTE FUNCTION announce_membership();
