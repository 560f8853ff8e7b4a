-- The sources of the answers that are there already.

INSERT INTO message_source (message_id, document_id)
SELECT DISTINCT m.id, c.value ->> 'document'
FROM message m, json_array_elements(CAST(m.citations AS json)) c;
