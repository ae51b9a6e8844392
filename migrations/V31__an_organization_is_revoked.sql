-- Ends every session of an organization's members and service accounts, wherever it works, and revokes the organization's
-- keys and secrets. Each statement sees what was committed while the one before waited for the accounts: whatever starts
-- beside it is revoked with the rest, or starts after it.
CREATE FUNCTION revoke_organization(
    place uuid, at timestamptz,
    OUT ended_sessions bigint, OUT revoked_api_keys bigint, OUT revoked_client_secrets bigint
)
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM users u WHERE u.id IN (SELECT m.user_id FROM memberships m WHERE m.organization_id = place)
        ORDER BY u.id FOR NO KEY UPDATE;

    SELECT coalesce(sum(cardinality(end_sessions(m.user_id, NULL, NULL, at))), 0) INTO ended_sessions
        FROM memberships m WHERE m.organization_id = place;

    UPDATE api_keys k SET revoked_at = at WHERE k.organization_id = place AND k.revoked_at IS NULL;
    GET DIAGNOSTICS revoked_api_keys = ROW_COUNT;

    UPDATE client_secrets c SET revoked_at = at WHERE c.organization_id = place AND c.revoked_at IS NULL;
    GET DIAGNOSTICS revoked_client_secrets = ROW_COUNT;
END
$$;
REVOKE ALL ON FUNCTION revoke_organization(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revoke_organization(uuid, timestamptz) TO mainstay_server;
