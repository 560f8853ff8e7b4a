-- Collections, documents, the files' bytes behind them, and their citable passages.

CREATE TABLE collection (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    owner_id TEXT NOT NULL REFERENCES user_account (id),
    name TEXT NOT NULL,
    data_class TEXT NOT NULL,
    visibility TEXT NOT NULL,
    unit_id TEXT REFERENCES unit (id),
    is_default BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX collection_owner ON collection (tenant_id, owner_id);
CREATE INDEX collection_visibility ON collection (tenant_id, visibility, unit_id);
CREATE INDEX collection_unit ON collection (unit_id);
-- Each person has one default collection.
CREATE UNIQUE INDEX collection_default ON collection (owner_id) WHERE is_default = 1;

-- One row per stored file. The row is the lock under which the file appears and disappears.
CREATE TABLE blob (
    hash TEXT NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE document (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    collection_id TEXT NOT NULL REFERENCES collection (id),
    owner_id TEXT NOT NULL REFERENCES user_account (id),
    name TEXT NOT NULL,
    title TEXT,
    format TEXT,
    blob_hash TEXT NOT NULL REFERENCES blob (hash),
    size_bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    pages BIGINT,
    pages_done BIGINT,
    passages BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
-- The same content under the same name is one document of a collection.
CREATE UNIQUE INDEX document_content ON document (collection_id, blob_hash, name);
CREATE INDEX document_collection ON document (collection_id, created_at, id);
CREATE INDEX document_blob ON document (blob_hash);
CREATE INDEX document_owner ON document (owner_id);
CREATE INDEX document_state ON document (tenant_id, state);

CREATE TABLE passage (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    document_id TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    page BIGINT,
    heading TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    boxes TEXT NOT NULL
);
CREATE UNIQUE INDEX passage_order ON passage (document_id, ordinal);
