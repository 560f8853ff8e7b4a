-- The audit log: append-only, gap-free and hash-chained in each tenant, free of content.

CREATE TABLE audit (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    object TEXT,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);

-- Where the chain ends, so that a cut tail is noticed; the row is also the lock for appending.
CREATE TABLE audit_head (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenant (id),
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);
