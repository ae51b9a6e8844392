-- Organizations, the roles in them, and their members.

CREATE TABLE mainstay.organizations (
    id         uuid        CONSTRAINT organizations_pkey PRIMARY KEY,
    name       text        NOT NULL
        CONSTRAINT organizations_name_length CHECK (char_length(name) BETWEEN 1 AND 200)
        CONSTRAINT organizations_name_line CHECK (mainstay.is_line(name)),
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.organizations IS 'Organizations, the tenants of the service.';
COMMENT ON COLUMN mainstay.organizations.id IS 'public: UUID v7';
COMMENT ON COLUMN mainstay.organizations.name IS 'internal: its name';
COMMENT ON COLUMN mainstay.organizations.created_at IS 'internal: when it was created';

GRANT SELECT, INSERT, DELETE ON mainstay.organizations TO mainstay_server;
GRANT UPDATE (name) ON mainstay.organizations TO mainstay_server;


-- Roles ---------------------------------------------------------------------------------------------------------------

CREATE TABLE mainstay.permissions (
    name           text    CONSTRAINT permissions_pkey PRIMARY KEY,
    help           text    NOT NULL,
    administrative boolean NOT NULL DEFAULT false
);

COMMENT ON TABLE mainstay.permissions IS 'Permissions that the code declares; written by the migrate command.';
COMMENT ON COLUMN mainstay.permissions.name IS 'public: such as customers.read';
COMMENT ON COLUMN mainstay.permissions.help IS 'public: what it allows';
COMMENT ON COLUMN mainstay.permissions.administrative IS
    'public: whether it widens or takes away what others may do; a credential carries it only if its scopes name it';

GRANT SELECT ON mainstay.permissions TO mainstay_server;

CREATE TABLE mainstay.roles (
    id              uuid   CONSTRAINT roles_pkey PRIMARY KEY,
    organization_id uuid   CONSTRAINT roles_organization_id_fkey REFERENCES mainstay.organizations (id),
    name            text   NOT NULL CONSTRAINT roles_name_shape CHECK (name ~ '^[a-z][a-z0-9_-]{0,49}$'),
    version         bigint NOT NULL DEFAULT 1,
    CONSTRAINT roles_name_key UNIQUE NULLS NOT DISTINCT (organization_id, name)
);

COMMENT ON TABLE mainstay.roles IS 'Named sets of permissions; those without an organization are built in.';
COMMENT ON COLUMN mainstay.roles.id IS 'public: UUID';
COMMENT ON COLUMN mainstay.roles.organization_id IS 'internal: whose role; null when built in';
COMMENT ON COLUMN mainstay.roles.name IS 'internal: its name';
COMMENT ON COLUMN mainstay.roles.version IS 'internal: its version, counting changes';

GRANT SELECT, INSERT, DELETE ON mainstay.roles TO mainstay_server;
GRANT UPDATE (name, version) ON mainstay.roles TO mainstay_server;

CREATE TABLE mainstay.role_permissions (
    role_id    uuid CONSTRAINT role_permissions_role_id_fkey REFERENCES mainstay.roles (id),
    permission text CONSTRAINT role_permissions_permission_fkey REFERENCES mainstay.permissions (name),
    CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, permission)
);

COMMENT ON TABLE mainstay.role_permissions IS 'The permissions that each role grants.';
COMMENT ON COLUMN mainstay.role_permissions.role_id IS 'internal: the role';
COMMENT ON COLUMN mainstay.role_permissions.permission IS 'internal: what it grants';

GRANT SELECT, INSERT, DELETE ON mainstay.role_permissions TO mainstay_server;

INSERT INTO mainstay.roles (id, name) VALUES
    ('00000000-0000-7000-8000-000000000001', 'owner'),
    ('00000000-0000-7000-8000-000000000002', 'manager'),
    ('00000000-0000-7000-8000-000000000003', 'agent'),
    ('00000000-0000-7000-8000-000000000004', 'auditor');

-- Built-in roles belong to the owner of the schema: no statement of the serving role writes one. And no role of an
-- organization has the name of a built-in one, nor the other way round.
CREATE FUNCTION mainstay.guard_role() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    serving CONSTANT boolean :=
        NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER');
BEGIN
    IF serving AND (
        (TG_OP <> 'INSERT' AND OLD.organization_id IS NULL)
        OR (TG_OP <> 'DELETE' AND NEW.organization_id IS NULL)
    ) THEN
        RAISE EXCEPTION 'built-in roles are not changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;

    IF EXISTS (
        SELECT FROM roles r
        WHERE r.name = NEW.name
            AND (r.organization_id IS NULL) <> (NEW.organization_id IS NULL)
    ) THEN
        RAISE EXCEPTION 'a built-in role and one of an organization would share a name'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'roles_name_built_in';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER roles_guard
    BEFORE INSERT OR UPDATE OR DELETE ON mainstay.roles
    FOR EACH ROW EXECUTE FUNCTION mainstay.guard_role();

CREATE FUNCTION mainstay.guard_role_permission() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    written CONSTANT uuid[] := CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.role_id]
        WHEN 'DELETE' THEN ARRAY[OLD.role_id]
        ELSE ARRAY[OLD.role_id, NEW.role_id]
    END;
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
        AND EXISTS (SELECT FROM roles WHERE id = ANY (written) AND organization_id IS NULL)
    THEN
        RAISE EXCEPTION 'built-in roles are not changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER role_permissions_guard
    BEFORE INSERT OR UPDATE OR DELETE ON mainstay.role_permissions
    FOR EACH ROW EXECUTE FUNCTION mainstay.guard_role_permission();

-- A principal carries the name and the permissions of its role.
CREATE FUNCTION mainstay.announce_role() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('role', coalesce(NEW.role_id, OLD.role_id));
    RETURN NULL;
END
$$;

CREATE TRIGGER role_permissions_announce
    AFTER INSERT OR UPDATE OR DELETE ON mainstay.role_permissions
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_role();

CREATE FUNCTION mainstay.announce_role_name() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('role', OLD.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER roles_announce
    AFTER UPDATE OF name ON mainstay.roles
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_role_name();

-- Whether a role has more than a member who holds these permissions may grant: a member grants only what they hold, and
-- only an owner makes an owner.
CREATE FUNCTION mainstay.role_exceeds(role uuid, held text[], by_owner boolean) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT (role = '00000000-0000-7000-8000-000000000001' AND NOT by_owner)
        OR EXISTS (SELECT FROM role_permissions p WHERE p.role_id = role AND p.permission <> ALL (held))
$$;

REVOKE ALL ON FUNCTION mainstay.role_exceeds(uuid, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.role_exceeds(uuid, text[], boolean) TO mainstay_server;


-- Members -------------------------------------------------------------------------------------------------------------

CREATE TABLE mainstay.memberships (
    user_id         uuid        CONSTRAINT memberships_user_id_fkey REFERENCES mainstay.users (id),
    organization_id uuid        CONSTRAINT memberships_organization_id_fkey REFERENCES mainstay.organizations (id),
    role_id         uuid        NOT NULL CONSTRAINT memberships_role_id_fkey REFERENCES mainstay.roles (id),
    created_at      timestamptz NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (user_id, organization_id)
);

CREATE INDEX memberships_organization_id_idx ON mainstay.memberships (organization_id, user_id);
CREATE INDEX memberships_role_id_idx ON mainstay.memberships (role_id);

COMMENT ON TABLE mainstay.memberships IS 'Members of organizations and their roles.';
COMMENT ON COLUMN mainstay.memberships.user_id IS 'internal: the member';
COMMENT ON COLUMN mainstay.memberships.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.memberships.role_id IS 'internal: the member''s role there';
COMMENT ON COLUMN mainstay.memberships.created_at IS 'internal: when the membership started';

GRANT SELECT, INSERT, DELETE ON mainstay.memberships TO mainstay_server;
GRANT UPDATE (role_id) ON mainstay.memberships TO mainstay_server;

-- The persons of an organization as its administrators see them, one row each. Their addresses stay sealed.
CREATE VIEW mainstay.members WITH (security_invoker = true) AS
    SELECT
        m.user_id AS id,
        m.organization_id,
        r.name AS role,
        u.email,
        k.id AS key_id,
        k.wrapped,
        u.active,
        u.second_factor,
        m.created_at
    FROM mainstay.memberships m
    JOIN mainstay.roles r ON r.id = m.role_id
    JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'person'
    JOIN mainstay.data_keys k ON k.id = u.data_key;

COMMENT ON VIEW mainstay.members IS 'Who belongs to which organization, service accounts left out.';

GRANT SELECT ON mainstay.members TO mainstay_server;

CREATE FUNCTION mainstay.announce_membership() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('user', OLD.user_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER memberships_announce
    AFTER UPDATE OR DELETE ON mainstay.memberships
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_membership();

-- The role of a row is built in or belongs to the row's organization.
CREATE FUNCTION mainstay.check_role_of_organization() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM roles
        WHERE id = NEW.role_id
            AND (organization_id IS NULL OR organization_id = NEW.organization_id)
    ) THEN
        RAISE EXCEPTION 'the role is not one of the organization''s'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_role_of_organization';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER memberships_role
    BEFORE INSERT OR UPDATE ON mainstay.memberships
    FOR EACH ROW EXECUTE FUNCTION mainstay.check_role_of_organization();

-- Keeps the last owner, whichever statement would remove it. Statements that remove owners at the same time wait for
-- each other at the organization's row. Each query here sees what was committed meanwhile, which the statement itself
-- does not.
CREATE FUNCTION mainstay.keep_an_owner() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    owner CONSTANT uuid := '00000000-0000-7000-8000-000000000001';
BEGIN
    IF OLD.role_id <> owner OR (TG_OP = 'UPDATE' AND NEW.role_id = owner) THEN
        RETURN NULL;
    END IF;

    PERFORM 1 FROM organizations WHERE id = OLD.organization_id FOR NO KEY UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM memberships m
        JOIN users u ON u.id = m.user_id
        WHERE m.organization_id = OLD.organization_id
            AND m.role_id = owner
            AND u.active
            AND u.kind = 'person'
    ) THEN
        RAISE EXCEPTION 'the last owner of an organization stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'memberships_last_owner';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER memberships_last_owner
    AFTER UPDATE OR DELETE ON mainstay.memberships
    FOR EACH ROW EXECUTE FUNCTION mainstay.keep_an_owner();

-- Whether an organization (the one that is given, or any of the member's) would have no owner without this member.
-- Locks the organization before it reads, so that of two owners who leave at once one stays.
CREATE FUNCTION mainstay.is_last_owner(member uuid, place uuid DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    owner CONSTANT uuid := '00000000-0000-7000-8000-000000000001';
BEGIN
    PERFORM FROM organizations o
        JOIN memberships m ON m.organization_id = o.id
        WHERE m.user_id = member AND m.role_id = owner AND (place IS NULL OR o.id = place)
        ORDER BY o.id
        FOR UPDATE OF o;

    RETURN EXISTS (
        SELECT FROM memberships mine
        WHERE mine.user_id = member
            AND mine.role_id = owner
            AND (place IS NULL OR mine.organization_id = place)
            AND NOT EXISTS (
                SELECT FROM memberships other
                JOIN users u ON u.id = other.user_id
                WHERE other.organization_id = mine.organization_id
                    AND other.role_id = owner
                    AND other.user_id <> member
                    AND u.active
                    AND u.kind = 'person'
            )
    );
END
$$;

REVOKE ALL ON FUNCTION mainstay.is_last_owner(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.is_last_owner(uuid, uuid) TO mainstay_server;

-- Whether a member of an organization may do more than another who holds these permissions. An account that is not a
-- member exceeds no one.
CREATE FUNCTION mainstay.member_exceeds(member uuid, organization uuid, held text[], by_owner boolean) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM memberships m
        WHERE m.user_id = member AND m.organization_id = organization AND role_exceeds(m.role_id, held, by_owner)
    )
$$;

REVOKE ALL ON FUNCTION mainstay.member_exceeds(uuid, uuid, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.member_exceeds(uuid, uuid, text[], boolean) TO mainstay_server;
