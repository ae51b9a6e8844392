-- Accounts, organizations, roles and sessions.

CREATE TABLE organizations (
    id         uuid        CONSTRAINT organizations_pkey PRIMARY KEY,
    name       text        NOT NULL CONSTRAINT organizations_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE organizations IS 'The tenants.';
COMMENT ON COLUMN organizations.id IS 'public: UUID v7';
COMMENT ON COLUMN organizations.name IS 'internal: as its members know it';
COMMENT ON COLUMN organizations.created_at IS 'internal: when it was made';

CREATE TABLE users (
    id            uuid        CONSTRAINT users_pkey PRIMARY KEY,
    data_key      bigint      NOT NULL CONSTRAINT users_data_key_fkey REFERENCES data_keys (id),
    email         bytea       NOT NULL,
    email_index   bytea       NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash text        NOT NULL,
    active        boolean     NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL
);
COMMENT ON TABLE users IS 'Accounts. One account may belong to several organizations.';
COMMENT ON COLUMN users.id IS 'public: UUID v7';
COMMENT ON COLUMN users.data_key IS 'internal: the key that seals this row';
COMMENT ON COLUMN users.email IS 'personal: sealed';
COMMENT ON COLUMN users.email_index IS 'personal: blind index, full length for uniqueness';
COMMENT ON COLUMN users.password_hash IS 'secret: argon2id, PHC string';
COMMENT ON COLUMN users.active IS 'internal: an inactive account cannot sign in';
COMMENT ON COLUMN users.created_at IS 'internal: when it was made';

CREATE TABLE permissions (
    name text CONSTRAINT permissions_pkey PRIMARY KEY,
    help text NOT NULL
);
COMMENT ON TABLE permissions IS 'What the code declares; written by the migrate command.';
COMMENT ON COLUMN permissions.name IS 'public: as in customers.read';
COMMENT ON COLUMN permissions.help IS 'public: what it allows';

CREATE TABLE roles (
    id              uuid CONSTRAINT roles_pkey PRIMARY KEY,
    organization_id uuid CONSTRAINT roles_organization_id_fkey REFERENCES organizations (id),
    name            text NOT NULL CONSTRAINT roles_name_shape CHECK (name ~ '^[a-z][a-z0-9_-]{0,49}$'),
    CONSTRAINT roles_name_key UNIQUE NULLS NOT DISTINCT (organization_id, name)
);
COMMENT ON TABLE roles IS 'Named sets of permissions; those without an organization are built in.';
COMMENT ON COLUMN roles.id IS 'public: UUID';
COMMENT ON COLUMN roles.organization_id IS 'internal: whose role; null when built in';
COMMENT ON COLUMN roles.name IS 'internal: as members see it';

CREATE TABLE role_permissions (
    role_id    uuid CONSTRAINT role_permissions_role_id_fkey REFERENCES roles (id),
    permission text CONSTRAINT role_permissions_permission_fkey REFERENCES permissions (name),
    CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, permission)
);
COMMENT ON TABLE role_permissions IS 'What a role grants.';
COMMENT ON COLUMN role_permissions.role_id IS 'internal: the role';
COMMENT ON COLUMN role_permissions.permission IS 'internal: what it grants';

CREATE TABLE memberships (
    user_id         uuid        CONSTRAINT memberships_user_id_fkey REFERENCES users (id),
    organization_id uuid        CONSTRAINT memberships_organization_id_fkey REFERENCES organizations (id),
    role_id         uuid        NOT NULL CONSTRAINT memberships_role_id_fkey REFERENCES roles (id),
    created_at      timestamptz NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (user_id, organization_id)
);
COMMENT ON TABLE memberships IS 'Who belongs to which organization, in which role.';
COMMENT ON COLUMN memberships.user_id IS 'internal: the member';
COMMENT ON COLUMN memberships.organization_id IS 'internal: the organization';
COMMENT ON COLUMN memberships.role_id IS 'internal: the member''s role there';
COMMENT ON COLUMN memberships.created_at IS 'internal: since when';

CREATE TABLE sessions (
    id              uuid        CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL,
    organization_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CONSTRAINT sessions_membership_fkey FOREIGN KEY (user_id, organization_id)
        REFERENCES memberships (user_id, organization_id)
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id, organization_id);
COMMENT ON TABLE sessions IS 'Sign-ins. Ending one refuses its tokens everywhere.';
COMMENT ON COLUMN sessions.id IS 'internal: the sid claim of its tokens';
COMMENT ON COLUMN sessions.user_id IS 'internal: who signed in';
COMMENT ON COLUMN sessions.organization_id IS 'internal: where they work in this session';
COMMENT ON COLUMN sessions.created_at IS 'internal: when they signed in';
COMMENT ON COLUMN sessions.expires_at IS 'internal: when it ends by itself';
COMMENT ON COLUMN sessions.ended_at IS 'internal: when it was ended';

-- Replicas keep principals in memory. A change that could make one stale is announced at once by NOTIFY, and stands
-- here for a replica that missed the announcement.
CREATE TABLE access_changes (
    id         bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT access_changes_pkey PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind       text        NOT NULL,
    key        uuid        NOT NULL
);
CREATE INDEX access_changes_changed_at_idx ON access_changes (changed_at);
COMMENT ON TABLE access_changes IS 'Which cached principals to forget.';
COMMENT ON COLUMN access_changes.id IS 'internal: sequence';
COMMENT ON COLUMN access_changes.changed_at IS 'internal: by the database''s clock';
COMMENT ON COLUMN access_changes.kind IS 'internal: session, user or role';
COMMENT ON COLUMN access_changes.key IS 'internal: which one';

CREATE FUNCTION announce_access_change(kind text, key uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO access_changes (kind, key) VALUES (kind, key);
    SELECT pg_notify('access_changes', kind || ':' || key);
$$;
REVOKE ALL ON FUNCTION announce_access_change(text, uuid) FROM PUBLIC;

CREATE FUNCTION announce_session() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM announce_access_change('session', OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_announce AFTER UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION announce_session();

CREATE FUNCTION announce_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM announce_access_change('user', OLD.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER users_announce AFTER UPDATE OF active OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION announce_user();

CREATE FUNCTION announce_membership() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM announce_access_change('user', OLD.user_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER memberships_announce AFTER UPDATE OR DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION announce_membership();

CREATE FUNCTION announce_role() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM announce_access_change('role', coalesce(NEW.role_id, OLD.role_id));
    RETURN NULL;
END
$$;
CREATE TRIGGER role_permissions_announce AFTER INSERT OR UPDATE OR DELETE ON role_permissions
    FOR EACH ROW EXECUTE FUNCTION announce_role();

INSERT INTO roles (id, name) VALUES
    ('00000000-0000-7000-8000-000000000001', 'owner'),
    ('00000000-0000-7000-8000-000000000002', 'manager'),
    ('00000000-0000-7000-8000-000000000003', 'agent'),
    ('00000000-0000-7000-8000-000000000004', 'auditor');

GRANT SELECT, INSERT ON organizations, users, memberships TO mainstay_server;
GRANT UPDATE (password_hash, active) ON users TO mainstay_server;
GRANT UPDATE (role_id), DELETE ON memberships TO mainstay_server;
GRANT SELECT ON permissions, roles, role_permissions TO mainstay_server;
GRANT SELECT, DELETE ON access_changes TO mainstay_server;
GRANT SELECT, INSERT, DELETE ON sessions TO mainstay_server;
GRANT UPDATE (ended_at) ON sessions TO mainstay_server;
