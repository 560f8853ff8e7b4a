-- Answers kept for whoever asks exactly the same with the same rights. name and content are keyed by
-- the installation's secret and by the question: the table says neither what was asked nor by whom.

CREATE TABLE answer_cache (
    name TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    sealed TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX answer_cache_expiry ON answer_cache (expires_at);
CREATE INDEX answer_cache_age ON answer_cache (created_at);
