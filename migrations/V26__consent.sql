-- What people allow applications: asked for at the first use, remembered, and withdrawn at any time.

ALTER TABLE oauth_clients ADD COLUMN first_party boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN oauth_clients.first_party IS 'public: whether the operator registered it as an application of its own, for which people need not be asked';
GRANT UPDATE (first_party) ON oauth_clients TO mainstay_server;

CREATE TABLE oauth_grants (
    id              uuid        CONSTRAINT oauth_grants_pkey PRIMARY KEY,
    user_id         uuid        NOT NULL CONSTRAINT oauth_grants_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    client_id       text        NOT NULL
        CONSTRAINT oauth_grants_client_id_fkey REFERENCES oauth_clients (client_id),
    organization_id uuid,
    scopes          text[]      NOT NULL,
    created_at      timestamptz NOT NULL,
    consented_at    timestamptz,
    CONSTRAINT oauth_grants_key UNIQUE NULLS NOT DISTINCT (user_id, client_id, organization_id),
    CONSTRAINT oauth_grants_membership_fkey FOREIGN KEY (user_id, organization_id)
        REFERENCES memberships (user_id, organization_id) ON DELETE CASCADE
);
CREATE INDEX oauth_grants_client_id_idx ON oauth_grants (client_id);
COMMENT ON TABLE oauth_grants IS 'What a person allows an application in an organization. Codes and sessions of the application stand on it and go with it.';
COMMENT ON COLUMN oauth_grants.id IS 'public: UUID v7';
COMMENT ON COLUMN oauth_grants.user_id IS 'internal: the person';
COMMENT ON COLUMN oauth_grants.client_id IS 'internal: the application';
COMMENT ON COLUMN oauth_grants.organization_id IS 'internal: where the application works; a grant does not outlive the membership';
COMMENT ON COLUMN oauth_grants.scopes IS 'internal: everything that the application was given there';
COMMENT ON COLUMN oauth_grants.created_at IS 'internal: when it was first given something';
COMMENT ON COLUMN oauth_grants.consented_at IS 'internal: when the person last agreed to these scopes; null when they were given to an application of the operator without asking';
GRANT SELECT, INSERT, DELETE, UPDATE (scopes, consented_at) ON oauth_grants TO mainstay_server;

-- Nobody was asked before these codes were given, and none of them lasts longer than a minute.
DELETE FROM authorization_codes;

ALTER TABLE authorization_codes
    ALTER COLUMN scopes SET NOT NULL,
    ADD COLUMN grant_id uuid NOT NULL
        CONSTRAINT authorization_codes_grant_id_fkey REFERENCES oauth_grants (id) ON DELETE CASCADE;
CREATE INDEX authorization_codes_grant_id_idx ON authorization_codes (grant_id);
COMMENT ON COLUMN authorization_codes.grant_id IS 'internal: the grant that it stands on';
COMMENT ON COLUMN authorization_codes.scopes IS 'internal: what it gives: permissions, or the least scope';

ALTER TABLE sessions ADD COLUMN grant_id uuid
    CONSTRAINT sessions_grant_id_fkey REFERENCES oauth_grants (id) ON DELETE CASCADE;
CREATE INDEX sessions_grant_id_idx ON sessions (grant_id) WHERE grant_id IS NOT NULL;
COMMENT ON COLUMN sessions.grant_id IS 'internal: the grant that an application''s session stands on, and is deleted with; null for all others';

-- People were not asked before these applications got their sessions: they end, and the next use asks.
UPDATE sessions s SET ended_at = now() FROM oauth_clients c WHERE s.client_id = c.client_id AND s.ended_at IS NULL;
