-- Whether a member of an organization may do more than somebody who holds these permissions: nobody touches what is the
-- member's. Who is no member has nothing that could exceed.
CREATE FUNCTION member_exceeds(member uuid, organization uuid, held text[], by_owner boolean) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM memberships m
        WHERE m.user_id = member AND m.organization_id = organization AND role_exceeds(m.role_id, held, by_owner)
    )
$$;
REVOKE ALL ON FUNCTION member_exceeds(uuid, uuid, text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION member_exceeds(uuid, uuid, text[], boolean) TO mainstay_server;
