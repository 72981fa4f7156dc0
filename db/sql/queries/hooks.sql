-- name: hook_answer
-- What the first delivery was answered, known by its id or, where the id is not signed, by what was signed.
SELECT answer FROM hook_deliveries
WHERE source = %(source)s AND (delivery = %(delivery)s OR signed = %(signed)s)
ORDER BY received_at LIMIT 1;

-- name: insert_hook_delivery
-- Waits for another transaction that has the same delivery in hand, and gives no row if that one was kept.
INSERT INTO hook_deliveries (source, delivery, signed, answer) VALUES (%(source)s, %(delivery)s, %(signed)s, %(answer)s)
ON CONFLICT DO NOTHING
RETURNING delivery;

-- name: prune_hook_deliveries
DELETE FROM hook_deliveries WHERE received_at < clock_timestamp() - make_interval(days => %(days)s);
