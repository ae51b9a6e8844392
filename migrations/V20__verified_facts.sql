-- What was verified is a condition of the statement that acts on it; limits hold however many try at once.

-- The version of an account's credentials. Each verification reads it, and the statement that acts on the verification
-- demands it again while it holds a lock on the account's row.
ALTER TABLE users ADD COLUMN credentials_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN users.credentials_version IS 'internal: counts changes of password, address, factors and activity; what was verified before a change is worth nothing after it';
GRANT UPDATE (credentials_version) ON users TO mainstay_server;

-- A reset is worth nothing once the credentials that it was asked for have changed, also when its row was written while
-- they were changed.
ALTER TABLE password_resets ADD COLUMN credentials_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN password_resets.credentials_version IS 'internal: the version of the account''s credentials when it was asked for';

-- A factor or an identity that comes or goes makes another version, whichever statement does it. A renewed hash of the same
-- password does not, nor does an identity that is added: nothing that was verified is wrong because of it.
CREATE FUNCTION renew_credentials() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE users SET credentials_version = credentials_version + 1 WHERE id = coalesce(NEW.user_id, OLD.user_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER totps_insert_renews_credentials AFTER INSERT ON totps
    FOR EACH ROW WHEN (NEW.confirmed_at IS NOT NULL) EXECUTE FUNCTION renew_credentials();
CREATE TRIGGER totps_update_renews_credentials AFTER UPDATE OF confirmed_at ON totps
    FOR EACH ROW WHEN (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at) EXECUTE FUNCTION renew_credentials();
CREATE TRIGGER totps_delete_renews_credentials AFTER DELETE ON totps
    FOR EACH ROW WHEN (OLD.confirmed_at IS NOT NULL) EXECUTE FUNCTION renew_credentials();
CREATE TRIGGER passkeys_renew_credentials AFTER INSERT OR DELETE ON passkeys
    FOR EACH ROW EXECUTE FUNCTION renew_credentials();
CREATE TRIGGER external_identities_renew_credentials AFTER DELETE ON external_identities
    FOR EACH ROW EXECUTE FUNCTION renew_credentials();

-- Ends the sessions of an account, those in one organization where `place` names one, and gives their ids. Codes that were
-- granted and not exchanged yet go with them, also those of the session that is kept: what they would give is another
-- session. A statement that waited for a lock does not see what was committed meanwhile; a function that may write looks
-- with a snapshot of its own. The calling statement must hold a lock that conflicts with FOR SHARE on the account's row, or
-- on the membership where `place` is given: then no session starts beside it.
CREATE FUNCTION end_sessions(person uuid, place uuid, kept uuid, at timestamptz) RETURNS uuid[]
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    ended uuid[];
BEGIN
    WITH gone AS (UPDATE sessions s SET ended_at = at
        WHERE s.user_id = person AND (place IS NULL OR s.organization_id = place)
            AND s.id IS DISTINCT FROM kept AND s.ended_at IS NULL
        RETURNING s.id)
        SELECT coalesce(array_agg(gone.id), '{}') INTO ended FROM gone;
    DELETE FROM authorization_codes c USING sessions s
        WHERE c.granted_by = s.id AND s.user_id = person AND c.used_at IS NULL
            AND (place IS NULL OR c.organization_id = place);
    RETURN ended;
END
$$;
REVOKE ALL ON FUNCTION end_sessions(uuid, uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_sessions(uuid, uuid, uuid, timestamptz) TO mainstay_server;

-- Deletes what stands on an account that the calling statement has deleted: sessions and memberships, those too that were
-- committed while the statement waited for the account's row.
CREATE FUNCTION forget_account(person uuid) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM sessions WHERE user_id = person;
    DELETE FROM memberships WHERE user_id = person;
END
$$;
REVOKE ALL ON FUNCTION forget_account(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_account(uuid) TO mainstay_server;

-- Whether `owner` may have one more of a kind. It locks the owner's row first and counts then, with a snapshot that is newer
-- than the lock: however many try at once, each counts what the one before has made.
CREATE FUNCTION has_room(kind text, owner uuid, most bigint, at timestamptz) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    present bigint;
BEGIN
    IF kind IN ('roles', 'service_accounts') THEN
        PERFORM FROM organizations WHERE id = owner FOR NO KEY UPDATE;
    ELSE
        PERFORM FROM users WHERE id = owner FOR NO KEY UPDATE;
    END IF;
    CASE kind
        WHEN 'api_keys' THEN
            SELECT count(*) INTO present FROM api_keys k
                WHERE k.user_id = owner AND k.revoked_at IS NULL AND k.expires_at > at;
        WHEN 'client_secrets' THEN
            SELECT count(*) INTO present FROM client_secrets c
                WHERE c.user_id = owner AND c.revoked_at IS NULL AND c.expires_at > at;
        WHEN 'organizations' THEN
            SELECT count(*) INTO present FROM memberships m WHERE m.user_id = owner;
        WHEN 'passkeys' THEN
            SELECT count(*) INTO present FROM passkeys p WHERE p.user_id = owner;
        WHEN 'roles' THEN
            SELECT count(*) INTO present FROM roles r WHERE r.organization_id = owner;
        WHEN 'service_accounts' THEN
            SELECT count(*) INTO present FROM memberships m JOIN users u ON u.id = m.user_id AND u.kind = 'service'
                WHERE m.organization_id = owner;
        ELSE
            RAISE EXCEPTION 'nothing of the kind % is limited', kind;
    END CASE;
    RETURN present < most;
END
$$;
REVOKE ALL ON FUNCTION has_room(text, uuid, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION has_room(text, uuid, bigint, timestamptz) TO mainstay_server;

-- As `invitation_stands`, for the statement that accepts: the inviter, the membership and the role stay as they are until it
-- is committed.
CREATE FUNCTION hold_invitation(inviter uuid, organization uuid, role uuid) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM users u WHERE u.id = inviter FOR SHARE;
    PERFORM FROM memberships m WHERE m.user_id = inviter AND m.organization_id = organization FOR SHARE;
    PERFORM FROM roles r WHERE r.id = role FOR SHARE;
    RETURN invitation_stands(inviter, organization, role);
END
$$;
REVOKE ALL ON FUNCTION hold_invitation(uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_invitation(uuid, uuid, uuid) TO mainstay_server;

-- Ends the sessions of an application that the calling statement has disabled.
CREATE FUNCTION end_sessions_of_client(client text, at timestamptz) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
    UPDATE sessions SET ended_at = at WHERE client_id = client AND ended_at IS NULL
$$;
REVOKE ALL ON FUNCTION end_sessions_of_client(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_sessions_of_client(text, timestamptz) TO mainstay_server;
