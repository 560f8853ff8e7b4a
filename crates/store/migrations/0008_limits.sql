-- How much of the models somebody may use, and how much they have used. A subject is `kind:id`: a key,
-- person, unit, model, or the tenant.

CREATE TABLE usage_limit (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    subject TEXT NOT NULL,
    requests_per_minute BIGINT,
    tokens_per_minute BIGINT,
    concurrent BIGINT,
    context_tokens BIGINT,
    tokens_per_month BIGINT,
    micro_euro_per_month BIGINT,
    at_limit TEXT NOT NULL,
    weight BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, subject)
);

-- Sums of usage_record, written in the same transaction; month is 202611 for November 2026 in UTC.
CREATE TABLE usage_month (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    subject TEXT NOT NULL,
    month BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    micro_euro BIGINT NOT NULL,
    PRIMARY KEY (subject, month, tenant_id)
);

-- What each of several processes has claimed for itself of a limit, beyond what the sums say: used,
-- under way, or in reserve. period is a minute since 1970, a month, or 0.
CREATE TABLE limit_lease (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    subject TEXT NOT NULL,
    meter TEXT NOT NULL,
    period BIGINT NOT NULL,
    process TEXT NOT NULL,
    amount BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    PRIMARY KEY (subject, meter, period, process, tenant_id)
);
CREATE INDEX limit_lease_renewed ON limit_lease (renewed_at);

-- Warnings that were given: each once.
CREATE TABLE limit_warning (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    subject TEXT NOT NULL,
    month BIGINT NOT NULL,
    meter TEXT NOT NULL,
    percent BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (subject, month, meter, percent, tenant_id)
);
CREATE INDEX limit_warning_tenant ON limit_warning (tenant_id, month);
