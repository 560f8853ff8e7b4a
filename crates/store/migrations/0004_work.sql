-- Background work and what models have used.

-- Jobs carry ids, never content. owner_id is empty for work that nobody in particular asked for.
CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    owner_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    instance TEXT,
    lease_until BIGINT,
    last_error TEXT,
    run_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX job_queue ON job (state, kind, owner_id, run_after, created_at);
CREATE INDEX job_lease ON job (lease_until) WHERE state = 'running';

CREATE TABLE usage_record (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    user_id TEXT NOT NULL,
    key_id TEXT,
    model TEXT NOT NULL,
    route TEXT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    data_class TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX usage_record_tenant ON usage_record (tenant_id, at);
CREATE INDEX usage_record_user ON usage_record (user_id, at);
