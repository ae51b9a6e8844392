-- Applications that people sign in to (OAuth 2), and what each person allows them.

CREATE TABLE mainstay.oauth_clients (
    id            uuid        CONSTRAINT oauth_clients_pkey PRIMARY KEY,
    client_id     text        NOT NULL
        CONSTRAINT oauth_clients_client_id_key UNIQUE
        CONSTRAINT oauth_clients_client_id_plain CHECK (client_id ~ '^[a-z][a-z0-9-]{0,63}$'),
    name          text        NOT NULL
        CONSTRAINT oauth_clients_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
        CONSTRAINT oauth_clients_name_line CHECK (mainstay.is_line(name)),
    redirect_uris text[]      NOT NULL,
    created_at    timestamptz NOT NULL,
    deactivated_at timestamptz,
    first_party   boolean     NOT NULL DEFAULT false
);

COMMENT ON TABLE mainstay.oauth_clients IS
    'Applications that an operator registered: they keep no secret and prove each code by PKCE.';
COMMENT ON COLUMN mainstay.oauth_clients.id IS 'internal: its id in the audit log';
COMMENT ON COLUMN mainstay.oauth_clients.client_id IS 'public: the client identifier in requests';
COMMENT ON COLUMN mainstay.oauth_clients.name IS 'public: the name that people see';
COMMENT ON COLUMN mainstay.oauth_clients.redirect_uris IS
    'public: where a browser may be sent back to, letter by letter';
COMMENT ON COLUMN mainstay.oauth_clients.created_at IS 'internal: when it was registered';
COMMENT ON COLUMN mainstay.oauth_clients.deactivated_at IS 'internal: when it was deactivated';
COMMENT ON COLUMN mainstay.oauth_clients.first_party IS
    'public: whether the operator registered it as an application of its own, for which people need not be asked';

GRANT SELECT, INSERT ON mainstay.oauth_clients TO mainstay_server;
GRANT UPDATE (deactivated_at, first_party) ON mainstay.oauth_clients TO mainstay_server;

-- People are asked at the first use. The answer is remembered, and can be withdrawn at any time.
CREATE TABLE mainstay.oauth_grants (
    id              uuid        CONSTRAINT oauth_grants_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL
        CONSTRAINT oauth_grants_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    client_id       text        NOT NULL
        CONSTRAINT oauth_grants_client_id_fkey REFERENCES mainstay.oauth_clients (client_id),
    organization_id uuid,
    scopes          text[]      NOT NULL,
    created_at      timestamptz NOT NULL,
    consented_at    timestamptz,
    CONSTRAINT oauth_grants_key UNIQUE NULLS NOT DISTINCT (user_id, client_id, organization_id),
    CONSTRAINT oauth_grants_membership_fkey FOREIGN KEY (user_id, organization_id)
        REFERENCES mainstay.memberships (user_id, organization_id) ON DELETE CASCADE
);

CREATE INDEX oauth_grants_client_id_idx ON mainstay.oauth_grants (client_id);

COMMENT ON TABLE mainstay.oauth_grants IS
    'What a person allows an application in an organization. Codes and sessions of the application stand on it and go '
    'with it.';
COMMENT ON COLUMN mainstay.oauth_grants.id IS 'public: UUID v7';
COMMENT ON COLUMN mainstay.oauth_grants.user_id IS 'internal: the person';
COMMENT ON COLUMN mainstay.oauth_grants.client_id IS 'internal: the application';
COMMENT ON COLUMN mainstay.oauth_grants.organization_id IS
    'internal: where the application works; a grant does not outlive the membership';
COMMENT ON COLUMN mainstay.oauth_grants.scopes IS 'internal: the scopes that were granted to the application';
COMMENT ON COLUMN mainstay.oauth_grants.created_at IS 'internal: when access was first granted';
COMMENT ON COLUMN mainstay.oauth_grants.consented_at IS
    'internal: when the person last agreed to these scopes; null when they were given to an application of the '
    'operator without asking';

GRANT SELECT, INSERT, DELETE ON mainstay.oauth_grants TO mainstay_server;
GRANT UPDATE (scopes, consented_at) ON mainstay.oauth_grants TO mainstay_server;
