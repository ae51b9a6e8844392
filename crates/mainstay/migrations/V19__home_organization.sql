-- The organization of an app with a single tenant: every new account joins it.

CREATE TABLE mainstay.home_organization (
    is_only         boolean NOT NULL DEFAULT true
        CONSTRAINT home_organization_pkey PRIMARY KEY
        CONSTRAINT home_organization_is_only CHECK (is_only),
    organization_id uuid    NOT NULL
        CONSTRAINT home_organization_organization_id_fkey REFERENCES mainstay.organizations (id),
    role_id         uuid    NOT NULL
        CONSTRAINT home_organization_role_id_fkey REFERENCES mainstay.roles (id)
);

COMMENT ON TABLE mainstay.home_organization IS
    'The organization that every new account joins; empty in an app with several tenants.';
COMMENT ON COLUMN mainstay.home_organization.is_only IS 'internal: true, so that there is one row at most';
COMMENT ON COLUMN mainstay.home_organization.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.home_organization.role_id IS 'internal: the role of a new account';

GRANT SELECT ON mainstay.home_organization TO mainstay_server;
