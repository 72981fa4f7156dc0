-- name: claim_messages
-- The messages to send now: the first pending one of each epic and endpoint, if it is due and nobody sends it. The loose scan costs one look
-- at the index per epic and endpoint, however much waits behind. The conditions on the row itself come again beside its lock, so that of
-- two deliverers with the same snapshot one goes without. %(each)s bounds what one endpoint is sent at a time, by all workers together.
WITH RECURSIVE heads AS (
    (
        SELECT o.id, o.webhook_id, o.epic_id, o.next_try_at, o.claimed_until FROM outbox o
        WHERE o.delivered_at IS NULL AND o.dead_at IS NULL
        ORDER BY o.webhook_id, o.epic_id, o.event LIMIT 1
    )
    UNION ALL
    SELECT following.* FROM heads h CROSS JOIN LATERAL (
        SELECT o.id, o.webhook_id, o.epic_id, o.next_try_at, o.claimed_until FROM outbox o
        WHERE o.delivered_at IS NULL AND o.dead_at IS NULL AND (o.webhook_id, o.epic_id) > (h.webhook_id, h.epic_id)
        ORDER BY o.webhook_id, o.epic_id, o.event LIMIT 1
    ) AS following
),
room AS (
    SELECT
        id, next_try_at, claimed_until <= clock_timestamp() AS is_free,
        count(*) FILTER (WHERE claimed_until > clock_timestamp()) OVER (PARTITION BY webhook_id) AS busy,
        row_number() OVER (PARTITION BY webhook_id, claimed_until <= clock_timestamp() ORDER BY next_try_at, id) AS place
    FROM heads
),
taken AS (
    SELECT o.id FROM outbox o JOIN room r ON r.id = o.id
    WHERE r.is_free AND r.place <= %(each)s - r.busy
        AND o.delivered_at IS NULL AND o.dead_at IS NULL AND o.next_try_at <= clock_timestamp() AND o.claimed_until <= clock_timestamp()
    ORDER BY o.next_try_at, o.id
    LIMIT %(most)s
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox o SET claim = %(claim)s, claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM taken t, webhooks w
WHERE o.id = t.id AND w.id = o.webhook_id
RETURNING o.id, o.webhook_id, o.epic_id, o.event, o.topic, o.data, o.tries, w.name, w.url, w.secret, w.allow_private;

-- name: message_delivered
UPDATE outbox SET
    delivered_at = clock_timestamp(), answer = %(answer)s, problem = NULL, tries = tries + 1, claim = NULL, claimed_until = '-infinity'
WHERE id = %(id)s AND claim = %(claim)s
RETURNING id;

-- name: message_failed
-- Put off, or dead where the next try would come after the day. Those that wait behind it have been tried in its person.
WITH behind AS (
    UPDATE outbox SET first_tried_at = clock_timestamp()
    WHERE webhook_id = %(webhook)s AND epic_id = %(epic)s AND delivered_at IS NULL AND dead_at IS NULL
        AND first_tried_at IS NULL AND id <> %(id)s
)
UPDATE outbox SET
    tries = tries + 1, answer = %(answer)s, problem = %(problem)s, claim = NULL, claimed_until = '-infinity',
    first_tried_at = coalesce(first_tried_at, clock_timestamp()),
    next_try_at = clock_timestamp() + make_interval(secs => %(wait)s),
    dead_at = CASE
        WHEN coalesce(first_tried_at, clock_timestamp()) + make_interval(secs => %(give_up)s)
            < clock_timestamp() + make_interval(secs => %(wait)s) THEN clock_timestamp()
    END
WHERE id = %(id)s AND claim = %(claim)s
RETURNING dead_at IS NOT NULL AS dead;

-- name: list_messages
-- Newest first.
SELECT
    o.id, w.name AS webhook, o.epic_id AS epic, o.event, o.topic AS type, o.tries, o.answer, o.problem, o.created_at, o.delivered_at,
    o.dead_at,
    CASE WHEN o.delivered_at IS NULL AND o.dead_at IS NULL THEN o.next_try_at END AS next_try_at,
    CASE WHEN o.dead_at IS NOT NULL THEN 'dead' WHEN o.delivered_at IS NOT NULL THEN 'delivered' ELSE 'pending' END AS status
FROM outbox o JOIN webhooks w ON w.id = o.webhook_id
WHERE o.webhook_id = %(webhook)s AND (%(dead)s::boolean IS FALSE OR o.dead_at IS NOT NULL)
ORDER BY o.id DESC LIMIT %(limit)s;

-- name: resend_message
UPDATE outbox SET
    delivered_at = NULL, dead_at = NULL, tries = 0, first_tried_at = NULL, next_try_at = clock_timestamp(), answer = NULL, problem = NULL
WHERE id = %(id)s
RETURNING id;

-- name: resend_dead
UPDATE outbox SET dead_at = NULL, tries = 0, first_tried_at = NULL, next_try_at = clock_timestamp(), answer = NULL, problem = NULL
WHERE dead_at IS NOT NULL AND (%(webhook)s::bigint IS NULL OR webhook_id = %(webhook)s::bigint)
RETURNING id;

-- name: prune_messages
-- What is settled, after a time; and what a checkpoint wrote for an endpoint that was removed at the same instant.
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox o
    WHERE ((o.delivered_at IS NOT NULL OR o.dead_at IS NOT NULL) AND coalesce(o.delivered_at, o.dead_at) < clock_timestamp() - make_interval(days => %(days)s))
        OR NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = o.webhook_id)
    LIMIT 1000 FOR UPDATE SKIP LOCKED
)
RETURNING id;
