-- name: bind_ask_posts
INSERT INTO ask_posts (ask_id, kind, channel, thread)
SELECT %(ask)s, kind, %(channel)s, %(thread)s FROM unnest(ARRAY['parts', 'answer']) AS kind;

-- name: claim_ask_posts
-- The answer has something to say once the request has ended.
UPDATE ask_posts p SET look_at = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM (
    SELECT o.ask_id, o.kind FROM ask_posts o JOIN asks a ON a.id = o.ask_id
    WHERE NOT o.is_final AND o.look_at <= clock_timestamp() AND (o.kind = 'parts' OR a.ended_at IS NOT NULL)
    ORDER BY o.look_at LIMIT %(most)s FOR UPDATE OF o SKIP LOCKED
) AS due
WHERE p.ask_id = due.ask_id AND p.kind = due.kind
RETURNING
    p.ask_id, p.kind, p.channel, p.thread, p.ts, p.posted_hash, extract(epoch FROM p.intended_at)::float8 AS intended_at, p.tries,
    (SELECT f.ts FROM ask_posts f WHERE f.ask_id = p.ask_id AND f.kind = 'parts') AS parts_ts;

-- name: intend_ask_post
UPDATE ask_posts SET intended_at = coalesce(intended_at, clock_timestamp()) WHERE ask_id = %(ask)s AND kind = %(kind)s RETURNING ask_id;

-- name: ask_post_made
UPDATE ask_posts SET
    ts = %(ts)s, posted_hash = %(hash)s, is_final = %(final)s, tries = 0, look_at = clock_timestamp() + make_interval(secs => %(wait_s)s)
WHERE ask_id = %(ask)s AND kind = %(kind)s RETURNING ask_id;

-- name: put_off_ask_post
UPDATE ask_posts SET
    look_at = clock_timestamp() + make_interval(secs => %(wait_s)s), tries = CASE WHEN %(failed)s THEN tries + 1 ELSE tries END
WHERE ask_id = %(ask)s AND kind = %(kind)s RETURNING ask_id;

-- name: give_up_ask_post
UPDATE ask_posts SET is_final = true WHERE ask_id = %(ask)s AND kind = %(kind)s RETURNING ask_id;

-- name: ask_of_thread
SELECT ask_id FROM ask_posts WHERE channel = %(channel)s AND (thread = %(ts)s OR ts = %(ts)s) ORDER BY ask_id DESC LIMIT 1;
