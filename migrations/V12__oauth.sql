-- Applications that people let in (OAuth 2), and the codes that bring them from the sign-in page to their tokens.

CREATE TABLE oauth_clients (
    id            uuid        CONSTRAINT oauth_clients_pkey PRIMARY KEY,
    client_id     text        NOT NULL CONSTRAINT oauth_clients_client_id_key UNIQUE
        CONSTRAINT oauth_clients_client_id_plain CHECK (client_id ~ '^[a-z][a-z0-9-]{0,63}$'),
    name          text        NOT NULL CONSTRAINT oauth_clients_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    redirect_uris text[]      NOT NULL,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);
COMMENT ON TABLE oauth_clients IS 'Applications that an operator registered: they keep no secret and prove each code by PKCE.';
COMMENT ON COLUMN oauth_clients.id IS 'internal: what the audit log names it by';
COMMENT ON COLUMN oauth_clients.client_id IS 'public: what the application calls itself in a request';
COMMENT ON COLUMN oauth_clients.name IS 'public: what people are shown';
COMMENT ON COLUMN oauth_clients.redirect_uris IS 'public: where a browser may be sent back to, letter by letter';
COMMENT ON COLUMN oauth_clients.created_at IS 'internal: when it was registered';
COMMENT ON COLUMN oauth_clients.disabled_at IS 'internal: since when it is refused';
GRANT SELECT, INSERT, UPDATE (disabled_at) ON oauth_clients TO mainstay_server;

CREATE TABLE authorization_codes (
    hash             bytea       CONSTRAINT authorization_codes_pkey PRIMARY KEY,
    client_id        text        NOT NULL
        CONSTRAINT authorization_codes_client_id_fkey REFERENCES oauth_clients (client_id),
    redirect_uri     text        NOT NULL,
    challenge        bytea       NOT NULL,
    granted_by       uuid        NOT NULL
        CONSTRAINT authorization_codes_granted_by_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    organization_id  uuid
        CONSTRAINT authorization_codes_organization_id_fkey REFERENCES organizations (id) ON DELETE CASCADE,
    scopes           text[],
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    used_at          timestamptz,
    session_id       uuid
        CONSTRAINT authorization_codes_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_granted_by_idx ON authorization_codes (granted_by);
CREATE INDEX authorization_codes_session_id_idx ON authorization_codes (session_id);
CREATE INDEX authorization_codes_organization_id_idx ON authorization_codes (organization_id);
COMMENT ON TABLE authorization_codes IS 'Codes for tokens, each good once and within a minute; one that comes back ends what it gave.';
COMMENT ON COLUMN authorization_codes.hash IS 'secret: SHA-256 of the code';
COMMENT ON COLUMN authorization_codes.client_id IS 'internal: the application that it was given to';
COMMENT ON COLUMN authorization_codes.redirect_uri IS 'internal: where it was sent';
COMMENT ON COLUMN authorization_codes.challenge IS 'internal: SHA-256 of the verifier that the application keeps (RFC 7636)';
COMMENT ON COLUMN authorization_codes.granted_by IS 'internal: the session in which the person let the application in';
COMMENT ON COLUMN authorization_codes.organization_id IS 'internal: where that session worked';
COMMENT ON COLUMN authorization_codes.scopes IS 'internal: the permissions that were asked for; null for all of the role';
COMMENT ON COLUMN authorization_codes.created_at IS 'internal: when it was given';
COMMENT ON COLUMN authorization_codes.expires_at IS 'internal: when it ends';
COMMENT ON COLUMN authorization_codes.used_at IS 'internal: when it was exchanged';
COMMENT ON COLUMN authorization_codes.session_id IS 'internal: the session that it was exchanged for';
GRANT SELECT, INSERT, DELETE, UPDATE (used_at, session_id) ON authorization_codes TO mainstay_server;
