-- Organizations run themselves: roles of their own, members who come and go, invitations.

-- Roles that organizations make. Whoever changes one builds upon its version.
ALTER TABLE roles ADD COLUMN version bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN roles.version IS 'internal: how often it was written';

GRANT INSERT, UPDATE (name, version), DELETE ON roles TO mainstay_server;
GRANT INSERT, DELETE ON role_permissions TO mainstay_server;

-- Built-in roles belong to the owner of the schema: whatever statement the serving role runs, it never writes one. And no
-- organization gives a role of its own the name of a built-in one, nor the other way round.
CREATE FUNCTION guard_role() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    serving CONSTANT boolean :=
        NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER');
BEGIN
    IF serving AND ((TG_OP <> 'INSERT' AND OLD.organization_id IS NULL)
        OR (TG_OP <> 'DELETE' AND NEW.organization_id IS NULL)) THEN
        RAISE EXCEPTION 'built-in roles are not changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF EXISTS (SELECT FROM roles r WHERE r.name = NEW.name
        AND (r.organization_id IS NULL) <> (NEW.organization_id IS NULL)) THEN
        RAISE EXCEPTION 'a built-in role and one of an organization would share a name'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'roles_name_built_in';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER roles_guard BEFORE INSERT OR UPDATE OR DELETE ON roles FOR EACH ROW EXECUTE FUNCTION guard_role();

CREATE FUNCTION guard_role_permission() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    written CONSTANT uuid[] := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.role_id] WHEN 'DELETE' THEN ARRAY[OLD.role_id]
        ELSE ARRAY[OLD.role_id, NEW.role_id] END;
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
        AND EXISTS (SELECT FROM roles WHERE id = ANY (written) AND organization_id IS NULL) THEN
        RAISE EXCEPTION 'built-in roles are not changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER role_permissions_guard BEFORE INSERT OR UPDATE OR DELETE ON role_permissions
    FOR EACH ROW EXECUTE FUNCTION guard_role_permission();

-- A principal carries its role's name.
CREATE FUNCTION announce_role_name() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM announce_access_change('role', OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER roles_announce AFTER UPDATE OF name ON roles FOR EACH ROW EXECUTE FUNCTION announce_role_name();

-- Members.
CREATE INDEX memberships_organization_id_idx ON memberships (organization_id, user_id);
CREATE INDEX memberships_role_id_idx ON memberships (role_id);

-- The persons of an organization as its administrators see them, one row each. Their addresses stay sealed.
CREATE VIEW members WITH (security_invoker = true) AS
    SELECT m.user_id AS id, m.organization_id, r.name AS role, u.email, k.id AS key_id, k.wrapped, u.active,
        u.second_factor, m.created_at
    FROM memberships m JOIN roles r ON r.id = m.role_id JOIN users u ON u.id = m.user_id AND u.kind = 'person'
        JOIN data_keys k ON k.id = u.data_key;
COMMENT ON VIEW members IS 'Who belongs to which organization, service accounts left out.';
GRANT SELECT ON members TO mainstay_server;

-- A role is built in or the organization's own.
CREATE FUNCTION check_role_of_organization() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM roles WHERE id = NEW.role_id
        AND (organization_id IS NULL OR organization_id = NEW.organization_id)) THEN
        RAISE EXCEPTION 'the role is not one of the organization''s'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_role_of_organization';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER memberships_role BEFORE INSERT OR UPDATE ON memberships
    FOR EACH ROW EXECUTE FUNCTION check_role_of_organization();

-- The last owner stays, whichever statement would take it away. Those who take owners away at the same time wait for each
-- other at the organization's row; each query here sees what was committed meanwhile, which the statement itself does not.
CREATE FUNCTION keep_an_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    owner CONSTANT uuid := '00000000-0000-7000-8000-000000000001';
BEGIN
    IF OLD.role_id <> owner OR (TG_OP = 'UPDATE' AND NEW.role_id = owner) THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM organizations WHERE id = OLD.organization_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.organization_id = OLD.organization_id AND m.role_id = owner AND u.active AND u.kind = 'person') THEN
        RAISE EXCEPTION 'the last owner of an organization stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'memberships_last_owner';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER memberships_last_owner AFTER UPDATE OR DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION keep_an_owner();

-- Invitations.
CREATE TABLE invitations (
    id              uuid        CONSTRAINT invitations_pkey PRIMARY KEY,
    organization_id uuid        NOT NULL CONSTRAINT invitations_organization_id_fkey REFERENCES organizations (id),
    data_key        bigint      NOT NULL CONSTRAINT invitations_data_key_fkey REFERENCES data_keys (id),
    email           bytea       NOT NULL,
    email_index     bytea       NOT NULL,
    role_id         uuid        NOT NULL CONSTRAINT invitations_role_id_fkey REFERENCES roles (id),
    hash            bytea       NOT NULL CONSTRAINT invitations_hash_key UNIQUE,
    invited_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT invitations_email_key UNIQUE (organization_id, email_index)
);
CREATE INDEX invitations_id_idx ON invitations (organization_id, id);
CREATE INDEX invitations_role_id_idx ON invitations (role_id);
CREATE INDEX invitations_expires_at_idx ON invitations (expires_at);
COMMENT ON TABLE invitations IS 'Who was asked to join which organization and has not answered yet.';
COMMENT ON COLUMN invitations.id IS 'public: UUID v7';
COMMENT ON COLUMN invitations.organization_id IS 'internal: where to';
COMMENT ON COLUMN invitations.data_key IS 'internal: the key that seals this row';
COMMENT ON COLUMN invitations.email IS 'personal: sealed; who is invited';
COMMENT ON COLUMN invitations.email_index IS 'personal: blind index of the address, as in users';
COMMENT ON COLUMN invitations.role_id IS 'internal: in which role';
COMMENT ON COLUMN invitations.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN invitations.invited_by IS 'internal: the account that invited; it must still be allowed to when the invitation is accepted';
COMMENT ON COLUMN invitations.created_at IS 'internal: when it was made';
COMMENT ON COLUMN invitations.expires_at IS 'internal: when the token ends';
GRANT SELECT, INSERT, DELETE ON invitations TO mainstay_server;
CREATE TRIGGER invitations_role BEFORE INSERT OR UPDATE ON invitations
    FOR EACH ROW EXECUTE FUNCTION check_role_of_organization();

-- Invitations as administrators see them. The address stays sealed.
CREATE VIEW invitations_shown WITH (security_invoker = true) AS
    SELECT i.id, i.organization_id, i.email, k.id AS key_id, k.wrapped, r.name AS role, i.invited_by, i.created_at,
        i.expires_at
    FROM invitations i JOIN roles r ON r.id = i.role_id JOIN data_keys k ON k.id = i.data_key;
COMMENT ON VIEW invitations_shown IS 'Invitations with the names of their roles.';
GRANT SELECT ON invitations_shown TO mainstay_server;

-- Whether an invitation may still be accepted: whoever made it is a member yet, may invite, and may hand on its role as
-- that is now. What an administrator left behind who was removed opens nothing.
CREATE FUNCTION invitation_stands(inviter uuid, organization uuid, role uuid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id AND u.active
        JOIN role_permissions may ON may.role_id = m.role_id AND may.permission = 'members.manage'
        WHERE m.user_id = inviter AND m.organization_id = organization
            AND NOT role_exceeds(role, ARRAY(SELECT permission FROM role_permissions p WHERE p.role_id = m.role_id),
                m.role_id = '00000000-0000-7000-8000-000000000001'))
$$;
REVOKE ALL ON FUNCTION invitation_stands(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invitation_stands(uuid, uuid, uuid) TO mainstay_server;
