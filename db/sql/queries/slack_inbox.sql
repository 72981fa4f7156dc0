-- name: keep_in_slack_inbox
-- Gives no row if it came before. Whoever keeps it is at it.
INSERT INTO slack_inbox (key, kind, payload, claimed_until)
VALUES (%(key)s, %(kind)s, %(payload)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (key) DO NOTHING
RETURNING key;

-- name: claim_from_slack_inbox
-- Those that nobody is at, the oldest first.
WITH found AS (
    SELECT key FROM slack_inbox
    WHERE done_at IS NULL AND dead_at IS NULL AND claimed_until < clock_timestamp()
    ORDER BY received_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE slack_inbox i SET tries = i.tries + 1, claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM found WHERE i.key = found.key
RETURNING i.key, i.payload, i.tries, i.received_at;

-- name: bury_in_slack_inbox
-- Give up what was tried often, or for long; what came just before all servers ended was tried once, and gets another try however late.
UPDATE slack_inbox SET dead_at = clock_timestamp()
WHERE done_at IS NULL AND dead_at IS NULL AND claimed_until < clock_timestamp()
    AND (tries >= %(most)s OR (tries > 1 AND received_at < clock_timestamp() - make_interval(secs => %(seconds)s)))
RETURNING key, payload, tries, received_at;

-- name: keep_slack_inbox_claim
-- Also leaves it alone for a while.
UPDATE slack_inbox SET claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE key = %(key)s AND done_at IS NULL AND dead_at IS NULL
RETURNING key;

-- name: slack_inbox_done
UPDATE slack_inbox SET done_at = clock_timestamp(), payload = '' WHERE key = %(key)s AND done_at IS NULL RETURNING key;

-- name: prune_slack_inbox
DELETE FROM slack_inbox
WHERE received_at < clock_timestamp() - interval '1 day'
    AND (done_at < clock_timestamp() - interval '1 day' OR dead_at < clock_timestamp() - make_interval(days => %(days)s));
