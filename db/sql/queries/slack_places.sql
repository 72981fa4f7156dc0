-- name: map_slack_channel
INSERT INTO slack_channels (channel, repo, base, mapped_by) VALUES (%(channel)s, %(repo)s, %(base)s, %(by)s)
ON CONFLICT (channel) DO UPDATE SET repo = excluded.repo, base = excluded.base, mapped_by = excluded.mapped_by, mapped_at = now();

-- name: unmap_slack_channel
DELETE FROM slack_channels WHERE channel = %(channel)s RETURNING channel, repo;

-- name: slack_channel
SELECT channel, repo, base, mapped_by, mapped_at FROM slack_channels WHERE channel = %(channel)s;

-- name: list_slack_channels
SELECT channel, repo, base, mapped_by, mapped_at FROM slack_channels ORDER BY mapped_at, channel;

-- name: place_slack_thread
-- Where the thread of an epic is to be, in the transaction that makes the epic: its first event may have made the row already.
INSERT INTO slack_threads (epic_id, channel, ts) VALUES (%(epic)s, %(channel)s, %(ts)s)
ON CONFLICT (epic_id) DO UPDATE SET channel = excluded.channel, ts = excluded.ts;

-- name: epic_of_slack_thread
SELECT epic_id FROM slack_threads WHERE channel = %(channel)s AND ts = %(ts)s ORDER BY epic_id DESC LIMIT 1;
