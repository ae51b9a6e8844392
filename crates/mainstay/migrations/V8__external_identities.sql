-- Sign-in at another provider (OpenID Connect): who an account is there, and the sign-ins that are under way.

CREATE TABLE mainstay.external_identities (
    id            uuid        CONSTRAINT external_identities_pkey PRIMARY KEY,
    user_id       uuid        NOT NULL
        CONSTRAINT external_identities_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    issuer        text        NOT NULL
        CONSTRAINT external_identities_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 2000),
    subject       bytea       NOT NULL,
    subject_index bytea       NOT NULL CONSTRAINT external_identities_subject_key UNIQUE,
    email         bytea,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);

CREATE INDEX external_identities_user_id_idx ON mainstay.external_identities (user_id);

COMMENT ON TABLE mainstay.external_identities IS
    'Accounts at other providers: an issuer and its subject, never an e-mail address.';
COMMENT ON COLUMN mainstay.external_identities.id IS 'public: UUID v7';
COMMENT ON COLUMN mainstay.external_identities.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.external_identities.issuer IS 'internal: the provider''s issuer identifier';
COMMENT ON COLUMN mainstay.external_identities.subject IS 'personal: sealed; who it is there';
COMMENT ON COLUMN mainstay.external_identities.subject_index IS
    'personal: blind index of issuer and subject together';
COMMENT ON COLUMN mainstay.external_identities.email IS
    'personal: sealed; the address that the provider named when it was linked';
COMMENT ON COLUMN mainstay.external_identities.created_at IS 'internal: when it was linked';
COMMENT ON COLUMN mainstay.external_identities.last_used_at IS 'internal: when it was last used to sign in';

GRANT SELECT, INSERT, DELETE ON mainstay.external_identities TO mainstay_server;
GRANT UPDATE (last_used_at) ON mainstay.external_identities TO mainstay_server;

CREATE TRIGGER external_identities_forget_unique_indexes
    AFTER DELETE ON mainstay.external_identities
    FOR EACH ROW EXECUTE FUNCTION mainstay.forget_unique_indexes();

CREATE TRIGGER external_identities_renew_credentials
    AFTER DELETE ON mainstay.external_identities
    FOR EACH ROW EXECUTE FUNCTION mainstay.renew_credentials();

CREATE TABLE mainstay.external_authorizations (
    hash       bytea       CONSTRAINT external_authorizations_pkey PRIMARY KEY,
    binding    bytea       NOT NULL,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX external_authorizations_expires_at_idx ON mainstay.external_authorizations (expires_at);

COMMENT ON TABLE mainstay.external_authorizations IS 'External sign-ins in progress; each can be completed once.';
COMMENT ON COLUMN mainstay.external_authorizations.hash IS
    'secret: SHA-256 of the state that travels through the provider';
COMMENT ON COLUMN mainstay.external_authorizations.binding IS
    'secret: SHA-256 of what only the client that began it has';
COMMENT ON COLUMN mainstay.external_authorizations.payload IS
    'secret: sealed; the provider, the nonce, the PKCE verifier, who links an identity, and who waits to show a second '
    'factor';
COMMENT ON COLUMN mainstay.external_authorizations.created_at IS 'internal: when it started';
COMMENT ON COLUMN mainstay.external_authorizations.expires_at IS 'internal: when it expires';

GRANT SELECT, INSERT, DELETE ON mainstay.external_authorizations TO mainstay_server;
-- Nothing is ever updated. But upkeep locks the old rows before it deletes them, which takes the right to.
GRANT UPDATE (expires_at) ON mainstay.external_authorizations TO mainstay_server;

-- Whether an account could no longer sign in without one of its identities or passkeys. Locks the account before it
-- reads, so that of two ways to sign in that are removed at once one stays.
CREATE FUNCTION mainstay.is_last_way_in(person uuid, way uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    RETURN NOT EXISTS (SELECT FROM users WHERE id = person AND password_hash IS NOT NULL)
        AND NOT EXISTS (SELECT FROM external_identities WHERE user_id = person AND id <> way)
        AND NOT EXISTS (SELECT FROM passkeys WHERE user_id = person AND id <> way);
END
$$;

REVOKE ALL ON FUNCTION mainstay.is_last_way_in(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.is_last_way_in(uuid, uuid) TO mainstay_server;
