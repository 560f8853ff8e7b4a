-- The sources of the answers that are there already.

INSERT INTO message_source (message_id, document_id)
SELECT DISTINCT m.id, json_extract(c.value, '$.document')
FROM message m, json_each(m.citations) c;
