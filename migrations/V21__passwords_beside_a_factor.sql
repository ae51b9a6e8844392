-- A password that was allowed to be short because of a second factor does not outlive the last factor.

ALTER TABLE users ADD COLUMN password_alone boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN users.password_alone IS 'internal: whether the password is long enough without a second factor';
GRANT UPDATE (password_alone) ON users TO mainstay_server;

-- How long the passwords of these accounts are is not known before they are typed again.
UPDATE users SET password_alone = false WHERE second_factor AND password_hash IS NOT NULL;

-- Whether the password of an account would be too short without this factor: a passkey, or the authenticator app where `way`
-- is null. It locks the account first and looks then, so that of two factors that are removed at once one stays.
CREATE FUNCTION password_needs(person uuid, way uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    RETURN EXISTS (SELECT FROM users WHERE id = person AND password_hash IS NOT NULL AND NOT password_alone)
        AND NOT EXISTS (SELECT FROM passkeys WHERE user_id = person AND id IS DISTINCT FROM way)
        AND NOT EXISTS (SELECT FROM totps WHERE user_id = person AND secret IS NOT NULL AND way IS NOT NULL);
END
$$;
REVOKE ALL ON FUNCTION password_needs(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION password_needs(uuid, uuid) TO mainstay_server;

-- The names of the API keys of an account that work, oldest first: a new password does not end them, so its letter names them.
CREATE FUNCTION live_keys(person uuid, at timestamptz) RETURNS text[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT ARRAY(SELECT k.name FROM api_keys k
        JOIN memberships m ON m.user_id = k.user_id AND m.organization_id = k.organization_id
            AND m.created_at = k.member_since
        WHERE k.user_id = person AND k.revoked_at IS NULL AND k.expires_at > at
        ORDER BY k.created_at, k.name)
$$;
REVOKE ALL ON FUNCTION live_keys(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION live_keys(uuid, timestamptz) TO mainstay_server;
