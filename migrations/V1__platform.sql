-- What every module stands on: data keys and the audit log.
--
-- Every column carries a comment that opens with its class: public, internal, personal or secret. A test reads them.
-- The role mainstay_server serves; it gets rights table by table and owns nothing.

GRANT USAGE ON SCHEMA public TO mainstay_server;

CREATE TABLE data_keys (
    id              bigint      CONSTRAINT data_keys_pkey PRIMARY KEY,
    organization_id uuid        NOT NULL,
    subject_id      uuid        NOT NULL,
    wrapped         bytea       NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX data_keys_subject_id_idx ON data_keys (subject_id);

COMMENT ON TABLE data_keys IS 'The key that seals one row''s personal fields, wrapped under the key ring. Destroying it destroys them.';
COMMENT ON COLUMN data_keys.id IS 'internal: random; each sealed value names it';
COMMENT ON COLUMN data_keys.organization_id IS 'internal: bound to the wrapped key; nil for accounts';
COMMENT ON COLUMN data_keys.subject_id IS 'internal: the person whom the sealed fields describe';
COMMENT ON COLUMN data_keys.wrapped IS 'secret: AES-256-GCM under a key encryption key';
COMMENT ON COLUMN data_keys.created_at IS 'internal: when it was made';

GRANT SELECT, INSERT, DELETE ON data_keys TO mainstay_server;

CREATE TABLE audit_events (
    id              uuid        CONSTRAINT audit_events_pkey PRIMARY KEY,
    occurred_at     timestamptz NOT NULL,
    organization_id uuid,
    actor_id        uuid,
    session_id      uuid,
    action          text        NOT NULL,
    operation       text        NOT NULL,
    resource        text        NOT NULL,
    resource_id     uuid,
    request_id      uuid        NOT NULL,
    address         text,
    before          jsonb,
    after           jsonb
);
CREATE INDEX audit_events_organization_id_idx ON audit_events (organization_id, id DESC);
CREATE INDEX audit_events_resource_id_idx ON audit_events (organization_id, resource_id, id DESC);

COMMENT ON TABLE audit_events IS 'Who did what to which row. Append-only: the serving role may insert and read, nothing else.';
COMMENT ON COLUMN audit_events.id IS 'public: UUID v7, sorts by time';
COMMENT ON COLUMN audit_events.occurred_at IS 'internal: when, by the server''s clock';
COMMENT ON COLUMN audit_events.organization_id IS 'internal: whose event it is; null before sign-in';
COMMENT ON COLUMN audit_events.actor_id IS 'internal: the account that did it';
COMMENT ON COLUMN audit_events.session_id IS 'internal: the session it did it in';
COMMENT ON COLUMN audit_events.action IS 'internal: what was done, as in customer.updated';
COMMENT ON COLUMN audit_events.operation IS 'internal: the operation or command that did it';
COMMENT ON COLUMN audit_events.resource IS 'internal: the kind of row';
COMMENT ON COLUMN audit_events.resource_id IS 'internal: the row';
COMMENT ON COLUMN audit_events.request_id IS 'internal: the request, as in the answer and the logs';
COMMENT ON COLUMN audit_events.address IS 'personal: the client''s address';
COMMENT ON COLUMN audit_events.before IS 'internal: the row before; personal fields stay sealed';
COMMENT ON COLUMN audit_events.after IS 'internal: the row after; personal fields stay sealed';

GRANT SELECT, INSERT ON audit_events TO mainstay_server;

-- Grants stop the serving role; this stops everybody who does not disable it first, which itself leaves traces.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
