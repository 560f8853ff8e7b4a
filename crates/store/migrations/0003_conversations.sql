-- Conversations, their messages, and the runs that write answers.
-- The *_folded columns hold the text lower-cased with umlauts spelt out, for the history search.

CREATE TABLE conversation (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    owner_id TEXT NOT NULL REFERENCES user_account (id),
    title TEXT NOT NULL,
    title_folded TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX conversation_history ON conversation (tenant_id, owner_id, updated_at, id);
CREATE INDEX conversation_owner ON conversation (owner_id);

CREATE TABLE message (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    text_folded TEXT NOT NULL,
    attachments TEXT NOT NULL,
    collections TEXT NOT NULL,
    model TEXT,
    route_name TEXT,
    route_place TEXT,
    data_class TEXT NOT NULL,
    task TEXT,
    -- The latest run of an answer; no foreign key, since the run points back at its message.
    run_id TEXT,
    citations TEXT NOT NULL,
    removed_citations BIGINT NOT NULL,
    token_usage TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX message_order ON message (conversation_id, ordinal);

CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    owner_id TEXT NOT NULL REFERENCES user_account (id),
    state TEXT NOT NULL,
    reason TEXT,
    instance TEXT NOT NULL,
    stop_requested BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
-- One answer at a time in a conversation, whoever asks at the same moment.
CREATE UNIQUE INDEX run_one_running ON run (conversation_id) WHERE state = 'running';
CREATE INDEX run_message ON run (message_id);
CREATE INDEX run_conversation ON run (conversation_id);
CREATE INDEX run_owner ON run (owner_id);
CREATE INDEX run_heartbeat ON run (heartbeat_at) WHERE state = 'running';
