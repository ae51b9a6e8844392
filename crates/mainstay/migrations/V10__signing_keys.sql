-- The keys that sign access tokens: several at a time, so that one can follow another without a token being refused.

CREATE TABLE mainstay.signing_keys (
    id         text        CONSTRAINT signing_keys_pkey PRIMARY KEY,
    number     bigint      NOT NULL CONSTRAINT signing_keys_number_key UNIQUE,
    public     bytea       NOT NULL,
    private    bytea,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retires_at timestamptz
);

COMMENT ON TABLE mainstay.signing_keys IS
    'Keys of access tokens. The newest whose time has come signs; those before it verify until they retire.';
COMMENT ON COLUMN mainstay.signing_keys.id IS 'public: the kid of its tokens, its RFC 7638 thumbprint';
COMMENT ON COLUMN mainstay.signing_keys.number IS
    'internal: the order of their making; unique, so that of two rotations at once one is left';
COMMENT ON COLUMN mainstay.signing_keys.public IS
    'public: the Ed25519 public key, sealed under the key ring so that only the service can add one';
COMMENT ON COLUMN mainstay.signing_keys.private IS
    'secret: the Ed25519 seed, sealed under the key ring; wiped once it signs no more';
COMMENT ON COLUMN mainstay.signing_keys.created_at IS 'internal: when it was created and announced';
COMMENT ON COLUMN mainstay.signing_keys.signs_from IS 'internal: when it starts to sign';
COMMENT ON COLUMN mainstay.signing_keys.retires_at IS
    'internal: when its last token has expired; null while nothing follows it';

GRANT SELECT, INSERT, DELETE ON mainstay.signing_keys TO mainstay_server;
GRANT UPDATE (private, retires_at) ON mainstay.signing_keys TO mainstay_server;

-- Replicas cache the keys, and are notified of a change as of an ended session. Which key changed does not
-- matter, since all are read again.
CREATE FUNCTION mainstay.announce_signing_keys() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('signing_keys', '00000000-0000-0000-0000-000000000000');
    RETURN NULL;
END
$$;

CREATE TRIGGER signing_keys_announce
    AFTER INSERT OR UPDATE OR DELETE ON mainstay.signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.announce_signing_keys();
