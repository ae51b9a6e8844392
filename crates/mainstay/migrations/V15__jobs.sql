-- Queued work, and the timetable of upkeep.

-- A job is queued in the statement of the change that asks for it.
CREATE TABLE mainstay.jobs (
    id           uuid        CONSTRAINT jobs_pkey PRIMARY KEY,
    kind         text        NOT NULL,
    payload      bytea,
    state        text        NOT NULL DEFAULT 'waiting'
        CONSTRAINT jobs_state_known CHECK (state IN ('waiting', 'running', 'handed_over', 'done', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0,
    run_at       timestamptz NOT NULL,
    claim        uuid,
    leased_until timestamptz,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    error        text
);

CREATE INDEX jobs_due_idx ON mainstay.jobs (run_at) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_undone_idx ON mainstay.jobs (state) WHERE state <> 'done';
CREATE INDEX jobs_finished_at_idx ON mainstay.jobs (finished_at) WHERE finished_at IS NOT NULL;

COMMENT ON TABLE mainstay.jobs IS 'Queued jobs, run by the worker.';
COMMENT ON COLUMN mainstay.jobs.id IS 'internal: UUID v7; a mail carries it as its Message-ID';
COMMENT ON COLUMN mainstay.jobs.kind IS 'internal: the handler that runs it';
COMMENT ON COLUMN mainstay.jobs.payload IS 'secret: sealed under the key ring; deleted when the job is done';
COMMENT ON COLUMN mainstay.jobs.state IS 'internal: waiting, running, handed_over, done or failed';
COMMENT ON COLUMN mainstay.jobs.attempts IS 'internal: how many attempts were started';
COMMENT ON COLUMN mainstay.jobs.run_at IS 'internal: not before; while it runs, the end of the lease';
COMMENT ON COLUMN mainstay.jobs.claim IS
    'internal: the claim of the worker that runs it; only its holder may finish the job';
COMMENT ON COLUMN mainstay.jobs.leased_until IS 'internal: when the lease of its worker expires';
COMMENT ON COLUMN mainstay.jobs.created_at IS 'internal: when it was queued';
COMMENT ON COLUMN mainstay.jobs.finished_at IS 'internal: when it was done or given up';
COMMENT ON COLUMN mainstay.jobs.error IS 'internal: why the last attempt failed; never a value of the payload';

GRANT SELECT, INSERT, DELETE ON mainstay.jobs TO mainstay_server;
GRANT UPDATE (state, payload, attempts, run_at, claim, leased_until, finished_at, error)
    ON mainstay.jobs TO mainstay_server;

-- Announces new jobs to the workers. A poll finds what an announcement missed.
CREATE FUNCTION mainstay.announce_jobs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('jobs', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_announce
    AFTER INSERT ON mainstay.jobs
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.announce_jobs();

-- When upkeep is due. The replica that moves the moment forward does it, so that one does.
CREATE TABLE mainstay.periodic_tasks (
    name         text        CONSTRAINT periodic_tasks_pkey PRIMARY KEY,
    due_at       timestamptz NOT NULL,
    succeeded_at timestamptz
);

COMMENT ON TABLE mainstay.periodic_tasks IS 'Periodic tasks of the worker, and when they are due.';
COMMENT ON COLUMN mainstay.periodic_tasks.name IS 'internal: the task';
COMMENT ON COLUMN mainstay.periodic_tasks.due_at IS 'internal: when it is due';
COMMENT ON COLUMN mainstay.periodic_tasks.succeeded_at IS 'internal: when it last ended well; null before';

GRANT SELECT, INSERT, UPDATE ON mainstay.periodic_tasks TO mainstay_server;
