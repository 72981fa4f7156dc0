-- name: kept_of_ask
-- How many messages of an ask are there, and the number of the last message of the session.
SELECT
    (SELECT count(*) FROM messages WHERE session_id = %(session)s AND run_id = %(run)s AND ask = %(ask)s) AS kept,
    (SELECT coalesce(max(n), 0) FROM messages WHERE session_id = %(session)s) AS last;

-- name: keep_message
INSERT INTO messages (session_id, n, run_id, ask, place, kind, message, tokens)
VALUES (%(session)s, %(n)s, %(run)s, %(ask)s, %(place)s, %(kind)s, %(message)s, %(tokens)s);

-- name: touch_session
UPDATE sessions SET updated_at = now() WHERE id = %(session)s;

-- name: newest_messages
-- What was said before an ask of a run: the newest messages up to a number of tokens, and some older ones, the oldest first.
SELECT n, kind, message, tokens FROM (
    SELECT n, kind, message, tokens, sum(tokens) OVER (ORDER BY n DESC) - tokens AS before_it, row_number() OVER (ORDER BY n DESC) AS place
    FROM (
        SELECT n, kind, message, tokens FROM messages
        WHERE session_id = %(session)s AND (run_id IS DISTINCT FROM %(run)s OR ask < %(ask)s)
        ORDER BY n DESC LIMIT %(most)s
    ) AS newest
) AS counted
WHERE before_it <= %(tokens)s OR place <= %(least)s
ORDER BY n;

-- name: session_messages
-- In their order, or the newest first; the cursor is the number of the last one seen.
SELECT n, run_id, ask, kind, message, tokens, created_at FROM messages
WHERE session_id = %(session)s AND n > %(after)s
ORDER BY n LIMIT %(limit)s;

-- name: session_messages_back
SELECT n, run_id, ask, kind, message, tokens, created_at FROM messages
WHERE session_id = %(session)s AND n < %(before)s
ORDER BY n DESC LIMIT %(limit)s;
