-- name: tables_with_texts
-- Every table of the schema, those of libraries too: its key, and by name the types of its columns in which a text can stand.
SELECT
    c.relname AS name,
    (
        SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}')
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND i.indisprimary
    ) AS key,
    jsonb_object_agg(a.attname, format_type(a.atttypid, NULL)) AS columns
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND format_type(a.atttypid, NULL) IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'text[]')
GROUP BY c.oid, c.relname
ORDER BY c.relname;
