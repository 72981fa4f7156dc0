-- name: insert_webhook
INSERT INTO webhooks (name, url, events, secret, allow_private)
VALUES (%(name)s, %(url)s, %(events)s, %(secret)s, %(allow_private)s)
ON CONFLICT (name) DO NOTHING
RETURNING id;

-- name: list_webhooks
-- Never with the secret.
SELECT
    w.name, w.url, w.events, w.allow_private, w.created_at, sent.delivered_at AS last_delivered_at, stuck.problem,
    (SELECT count(*) FROM outbox o WHERE o.webhook_id = w.id AND o.delivered_at IS NULL AND o.dead_at IS NULL) AS pending,
    (SELECT count(*) FROM outbox o WHERE o.webhook_id = w.id AND o.dead_at IS NOT NULL) AS dead
FROM webhooks w
LEFT JOIN LATERAL (
    SELECT o.delivered_at FROM outbox o WHERE o.webhook_id = w.id AND o.delivered_at IS NOT NULL ORDER BY o.id DESC LIMIT 1
) AS sent ON true
LEFT JOIN LATERAL (
    SELECT o.problem FROM outbox o
    WHERE o.webhook_id = w.id AND o.delivered_at IS NULL AND o.problem IS NOT NULL ORDER BY o.id DESC LIMIT 1
) AS stuck ON true
WHERE %(name)s::text IS NULL OR w.name = %(name)s::text
ORDER BY w.name;

-- name: webhook_target
-- The secret, for signing; it goes nowhere else.
SELECT id, name, url, secret, allow_private FROM webhooks WHERE name = %(name)s;

-- name: delete_webhook
WITH gone AS (DELETE FROM webhooks WHERE name = %(name)s RETURNING id), messages AS (
    DELETE FROM outbox WHERE webhook_id IN (SELECT id FROM gone)
)
SELECT id FROM gone;

-- name: webhook_secrets
SELECT name, secret FROM webhooks;

-- name: clear_webhook_secrets
SELECT name, secret FROM webhooks WHERE secret NOT LIKE 'gs1.%%';

-- name: seal_webhook_secret
UPDATE webhooks SET secret = %(sealed)s WHERE name = %(name)s AND secret = %(clear)s RETURNING name;
