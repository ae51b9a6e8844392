-- Sign-in elsewhere: who somebody is at another provider, and the sign-ins that are under way.

CREATE TABLE external_identities (
    id            uuid        CONSTRAINT external_identities_pkey PRIMARY KEY,
    user_id       uuid        NOT NULL
        CONSTRAINT external_identities_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    issuer        text        NOT NULL CONSTRAINT external_identities_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 2000),
    subject       bytea       NOT NULL,
    subject_index bytea       NOT NULL CONSTRAINT external_identities_subject_key UNIQUE,
    email         bytea,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX external_identities_user_id_idx ON external_identities (user_id);
COMMENT ON TABLE external_identities IS 'Who somebody is elsewhere: an issuer and its subject, never an e-mail address.';
COMMENT ON COLUMN external_identities.id IS 'public: UUID v7';
COMMENT ON COLUMN external_identities.user_id IS 'internal: whose account';
COMMENT ON COLUMN external_identities.issuer IS 'internal: the provider''s issuer identifier';
COMMENT ON COLUMN external_identities.subject IS 'personal: sealed; who it is there';
COMMENT ON COLUMN external_identities.subject_index IS 'personal: blind index of issuer and subject together';
COMMENT ON COLUMN external_identities.email IS 'personal: sealed; the address that the provider named when it was linked';
COMMENT ON COLUMN external_identities.created_at IS 'internal: when it was linked';
COMMENT ON COLUMN external_identities.last_used_at IS 'internal: when somebody last signed in by it';
GRANT SELECT, INSERT, DELETE, UPDATE (last_used_at) ON external_identities TO mainstay_server;

CREATE TABLE external_authorizations (
    hash       bytea       CONSTRAINT external_authorizations_pkey PRIMARY KEY,
    binding    bytea       NOT NULL,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX external_authorizations_expires_at_idx ON external_authorizations (expires_at);
COMMENT ON TABLE external_authorizations IS 'Sign-ins elsewhere that are under way; each is taken up once.';
COMMENT ON COLUMN external_authorizations.hash IS 'secret: SHA-256 of the state that travels through the provider';
COMMENT ON COLUMN external_authorizations.binding IS 'secret: SHA-256 of what only the client that began it has';
COMMENT ON COLUMN external_authorizations.payload IS 'secret: sealed; the provider, the nonce, the PKCE verifier, who links an identity, and who waits to show a second factor';
COMMENT ON COLUMN external_authorizations.created_at IS 'internal: when it began';
COMMENT ON COLUMN external_authorizations.expires_at IS 'internal: when it is given up';
-- Nothing is updated; but whoever clears old rows away locks them first, which takes the right to.
GRANT SELECT, INSERT, DELETE, UPDATE (expires_at) ON external_authorizations TO mainstay_server;

-- Whether somebody could not sign in any more without an identity or a passkey of theirs. It locks the account first and
-- looks then, so that of two ways that are taken away at once one stays.
CREATE FUNCTION is_last_way_in(person uuid, way uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    RETURN NOT EXISTS (SELECT FROM users WHERE id = person AND password_hash IS NOT NULL)
        AND NOT EXISTS (SELECT FROM external_identities WHERE user_id = person AND id <> way)
        AND NOT EXISTS (SELECT FROM passkeys WHERE user_id = person AND id <> way);
END
$$;
REVOKE ALL ON FUNCTION is_last_way_in(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_last_way_in(uuid, uuid) TO mainstay_server;
