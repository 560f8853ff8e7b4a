-- Which documents an answer quotes, so that the quotes can go when a document goes.

CREATE TABLE message_source (
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    -- No foreign key: the answer stays when the document goes.
    document_id TEXT NOT NULL,
    PRIMARY KEY (message_id, document_id)
);
CREATE INDEX message_source_document ON message_source (document_id);
