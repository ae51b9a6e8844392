-- The rules that watch the audit log: what they found, about whom, and how far they have read.

CREATE TABLE mainstay.findings (
    id              uuid        CONSTRAINT findings_pkey PRIMARY KEY,
    rule            text        NOT NULL,
    organization_id uuid,
    account_id      uuid,
    address         text,
    last_at         timestamptz NOT NULL,
    found_at        timestamptz NOT NULL,
    severity        text        NOT NULL
        CONSTRAINT findings_severity_known CHECK (severity IN ('low', 'medium', 'high')),
    message         text        NOT NULL,
    events          bigint      NOT NULL,
    threshold       bigint      NOT NULL,
    window_seconds  bigint      NOT NULL
);

CREATE INDEX findings_organization_id_idx ON mainstay.findings (organization_id, id DESC);

COMMENT ON TABLE mainstay.findings IS
    'What the rules found in the audit log. Append-only for the serving role; each is an event of the log, too.';
COMMENT ON COLUMN mainstay.findings.id IS 'public: UUID v7; the id of its webhook message, too';
COMMENT ON COLUMN mainstay.findings.rule IS 'internal: the rule';
COMMENT ON COLUMN mainstay.findings.organization_id IS
    'internal: whose events were counted; null for those before sign-in';
COMMENT ON COLUMN mainstay.findings.account_id IS 'internal: whose events were counted, where it was by account';
COMMENT ON COLUMN mainstay.findings.address IS
    'personal: the client''s address or network, where the rule looks at it';
COMMENT ON COLUMN mainstay.findings.last_at IS 'internal: when the last event that counts happened';
COMMENT ON COLUMN mainstay.findings.found_at IS 'internal: when it was found';
COMMENT ON COLUMN mainstay.findings.severity IS 'internal: how urgent it is';
COMMENT ON COLUMN mainstay.findings.message IS 'internal: the rule''s message, the same for each finding';
COMMENT ON COLUMN mainstay.findings.events IS 'internal: how many events counted';
COMMENT ON COLUMN mainstay.findings.threshold IS 'internal: the threshold that applied';
COMMENT ON COLUMN mainstay.findings.window_seconds IS 'internal: the time window';

GRANT SELECT, INSERT ON mainstay.findings TO mainstay_server;

-- The replica that moves `quiet_until` forward writes the finding: one of all replicas, and once for a series of
-- events.
CREATE TABLE mainstay.finding_subjects (
    rule            text        NOT NULL,
    organization_id uuid,
    account_id      uuid,
    address         text,
    quiet_until     timestamptz NOT NULL,
    CONSTRAINT finding_subjects_key UNIQUE NULLS NOT DISTINCT (rule, organization_id, account_id, address)
);

CREATE INDEX finding_subjects_quiet_until_idx ON mainstay.finding_subjects (quiet_until);

COMMENT ON TABLE mainstay.finding_subjects IS
    'Subjects that a rule found recently, and until when it does not report them again.';
COMMENT ON COLUMN mainstay.finding_subjects.rule IS 'internal: the rule';
COMMENT ON COLUMN mainstay.finding_subjects.organization_id IS 'internal: the organization';
COMMENT ON COLUMN mainstay.finding_subjects.account_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.finding_subjects.address IS 'personal: which address or network';
COMMENT ON COLUMN mainstay.finding_subjects.quiet_until IS 'internal: events before this moment make no new finding';

GRANT SELECT, INSERT, DELETE ON mainstay.finding_subjects TO mainstay_server;
GRANT UPDATE (quiet_until) ON mainstay.finding_subjects TO mainstay_server;

CREATE TABLE mainstay.watch_marks (
    rule         text        CONSTRAINT watch_marks_pkey PRIMARY KEY,
    looked_until timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.watch_marks IS 'How far each rule has read the audit log.';
COMMENT ON COLUMN mainstay.watch_marks.rule IS 'internal: the rule';
COMMENT ON COLUMN mainstay.watch_marks.looked_until IS
    'internal: everything up to here was looked at, but for what was committed late';

GRANT SELECT, INSERT, UPDATE ON mainstay.watch_marks TO mainstay_server;

-- The least id that an event of this moment may have: ids are UUID v7, so that the primary key finds events by their
-- time. An id is made a moment before its event is dated, so the function goes back by a second.
CREATE FUNCTION mainstay.audit_id_from(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT (
        lpad(to_hex(greatest(floor(extract(epoch FROM moment - interval '1 second') * 1000), 0)::bigint), 12, '0')
        || '00000000000000000000'
    )::uuid
$$;

REVOKE ALL ON FUNCTION mainstay.audit_id_from(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.audit_id_from(timestamptz) TO mainstay_server;
