-- Tenants, their tree of units, people and what they sign in with.
-- Columns are only BIGINT and TEXT, so that one SQL text and one driver serve both engines: booleans
-- are 0 and 1, times are microseconds since 1970 in UTC, ids are UUIDs as text, lists are JSON.

CREATE TABLE tenant (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE unit (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    parent_id TEXT REFERENCES unit (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX unit_tenant ON unit (tenant_id, name);
CREATE INDEX unit_parent ON unit (parent_id);

-- email is kept lower-cased and is unique in the installation: it alone decides who signs in.
CREATE TABLE user_account (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    locale TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX user_account_tenant ON user_account (tenant_id, role, disabled);

CREATE TABLE user_unit (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    user_id TEXT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    unit_id TEXT NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, unit_id)
);
CREATE INDEX user_unit_unit ON user_unit (unit_id);

-- token_hash is a keyed hash: who reads this table cannot sign in with it.
CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    user_id TEXT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_owner ON session (user_id, last_used_at);
CREATE INDEX session_expiry ON session (expires_at);

-- A revoked key keeps its row: usage and audit go on pointing at it.
CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    user_id TEXT NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_key_user ON api_key (user_id, created_at);

CREATE TABLE setup_token (
    token_hash TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- subject is a keyed hash of an account or of an address: the table names nobody.
CREATE TABLE login_attempt (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX login_attempt_last ON login_attempt (last_at);

-- Settings of the installation that may change while it runs.
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
