-- Models that administrators add while the platform runs, beside those of the configuration file. The
-- definition is JSON with the words of the file. Who may use a model, and where a tenant's data may go.

CREATE TABLE model (
    name TEXT NOT NULL PRIMARY KEY,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- sealed is encrypted with a key that lies outside the database, and opens for its route alone.
CREATE TABLE model_route_key (
    model TEXT NOT NULL REFERENCES model (name) ON DELETE CASCADE,
    route TEXT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (model, route)
);

-- Routes that take no more calls, whoever has defined them.
CREATE TABLE drained_route (
    model TEXT NOT NULL,
    route TEXT NOT NULL,
    drained_at BIGINT NOT NULL,
    PRIMARY KEY (model, route)
);

-- Who of a tenant may use a model: audience is JSON, or NULL for everybody, as without a row.
CREATE TABLE model_access (
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    model TEXT NOT NULL,
    audience TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, model)
);

-- Where a tenant's data may go; without a row wherever the installation allows.
CREATE TABLE place_policy (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenant (id),
    places TEXT NOT NULL,
    version BIGINT NOT NULL
);

-- The only models that a key may be used for, as JSON; NULL for all that its owner may use.
ALTER TABLE api_key ADD COLUMN models TEXT;
