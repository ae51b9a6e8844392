-- Invitations into an organization.

CREATE TABLE mainstay.invitations (
    id              uuid        CONSTRAINT invitations_pkey PRIMARY KEY,
    organization_id uuid        NOT NULL
        CONSTRAINT invitations_organization_id_fkey REFERENCES mainstay.organizations (id),
    data_key        bigint      NOT NULL,
    email           bytea       NOT NULL,
    email_index     bytea       NOT NULL,
    role_id         uuid        NOT NULL CONSTRAINT invitations_role_id_fkey REFERENCES mainstay.roles (id),
    hash            bytea       NOT NULL CONSTRAINT invitations_hash_key UNIQUE,
    invited_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT invitations_email_key UNIQUE (organization_id, email_index)
);

CREATE INDEX invitations_id_idx ON mainstay.invitations (organization_id, id);
CREATE INDEX invitations_role_id_idx ON mainstay.invitations (role_id);
CREATE INDEX invitations_expires_at_idx ON mainstay.invitations (expires_at);

COMMENT ON TABLE mainstay.invitations IS 'Invitations to organizations that are not accepted yet.';
COMMENT ON COLUMN mainstay.invitations.id IS 'public: UUID v7';
COMMENT ON COLUMN mainstay.invitations.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.invitations.data_key IS 'internal: the key that seals this row';
COMMENT ON COLUMN mainstay.invitations.email IS 'personal: sealed; who is invited';
COMMENT ON COLUMN mainstay.invitations.email_index IS 'personal: blind index of the address, as in users';
COMMENT ON COLUMN mainstay.invitations.role_id IS 'internal: the role';
COMMENT ON COLUMN mainstay.invitations.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN mainstay.invitations.invited_by IS
    'internal: the account that invited; it must still be allowed to when the invitation is accepted';
COMMENT ON COLUMN mainstay.invitations.created_at IS 'internal: when it was created';
COMMENT ON COLUMN mainstay.invitations.expires_at IS 'internal: when the token expires';

GRANT SELECT, INSERT, DELETE ON mainstay.invitations TO mainstay_server;

CREATE TRIGGER invitations_role
    BEFORE INSERT OR UPDATE ON mainstay.invitations
    FOR EACH ROW EXECUTE FUNCTION mainstay.check_role_of_organization();

-- Invitations as administrators see them. The address stays sealed.
CREATE VIEW mainstay.invitations_shown WITH (security_invoker = true) AS
    SELECT
        i.id,
        i.organization_id,
        i.email,
        k.id AS key_id,
        k.wrapped,
        r.name AS role,
        i.invited_by,
        i.created_at,
        i.expires_at
    FROM mainstay.invitations i
    JOIN mainstay.roles r ON r.id = i.role_id
    JOIN mainstay.data_keys k ON k.id = i.data_key;

COMMENT ON VIEW mainstay.invitations_shown IS 'Invitations with the names of their roles.';

GRANT SELECT ON mainstay.invitations_shown TO mainstay_server;

-- Whether an invitation may still be accepted: the inviter is still a member, may invite, and may grant its role as
-- that role is now. An invitation of an administrator who was removed opens nothing.
CREATE FUNCTION mainstay.invitation_stands(inviter uuid, organization uuid, role uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM memberships m
        JOIN users u ON u.id = m.user_id AND u.active
        JOIN role_permissions may ON may.role_id = m.role_id AND may.permission = 'members.manage'
        WHERE m.user_id = inviter
            AND m.organization_id = organization
            AND NOT role_exceeds(
                role,
                ARRAY(SELECT permission FROM role_permissions p WHERE p.role_id = m.role_id),
                m.role_id = '00000000-0000-7000-8000-000000000001'
            )
    )
$$;

REVOKE ALL ON FUNCTION mainstay.invitation_stands(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.invitation_stands(uuid, uuid, uuid) TO mainstay_server;

-- As `invitation_stands`, for the statement that accepts: the inviter, the membership and the role stay as they are
-- until it is committed.
CREATE FUNCTION mainstay.hold_invitation(inviter uuid, organization uuid, role uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM FROM users u WHERE u.id = inviter FOR SHARE;
    PERFORM FROM memberships m WHERE m.user_id = inviter AND m.organization_id = organization FOR SHARE;
    PERFORM FROM roles r WHERE r.id = role FOR SHARE;
    RETURN invitation_stands(inviter, organization, role);
END
$$;

REVOKE ALL ON FUNCTION mainstay.hold_invitation(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.hold_invitation(uuid, uuid, uuid) TO mainstay_server;
