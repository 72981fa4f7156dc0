-- name: register_slack_workspace
-- `is_new` where none was registered, or another one.
INSERT INTO slack_workspace AS w (team, bot_user, default_channel) VALUES (%(team)s, %(bot_user)s, %(default_channel)s)
ON CONFLICT (one) DO UPDATE SET
    team = excluded.team, bot_user = excluded.bot_user, default_channel = excluded.default_channel,
    registered_at = CASE WHEN w.team = excluded.team THEN w.registered_at ELSE now() END
RETURNING registered_at = now() AS is_new;

-- name: forget_other_slack_workspace
-- What was shown in another workspace is not there.
DELETE FROM slack_threads;

-- name: mark_waiting_for_slack
-- Whoever waits for a person when Slack is set up is shown there at once.
INSERT INTO slack_threads (epic_id, since, wanted)
SELECT id, last_event, last_event FROM epics WHERE status = 'waiting' AND NOT is_run(id) ORDER BY id
ON CONFLICT (epic_id) DO NOTHING;

-- name: slack_workspace
SELECT team, bot_user, default_channel, registered_at FROM slack_workspace;

-- name: map_slack_channel
INSERT INTO slack_channels (channel, repo, base, mapped_by) VALUES (%(channel)s, %(repo)s, %(base)s, %(by)s)
ON CONFLICT (channel) DO UPDATE SET repo = excluded.repo, base = excluded.base, mapped_by = excluded.mapped_by, mapped_at = now()
RETURNING channel;

-- name: unmap_slack_channel
DELETE FROM slack_channels WHERE channel = %(channel)s RETURNING channel, repo;

-- name: slack_channel
SELECT channel, repo, base, mapped_by, mapped_at FROM slack_channels WHERE channel = %(channel)s;

-- name: slack_channels
SELECT channel, repo, base, mapped_by, mapped_at FROM slack_channels ORDER BY mapped_at, channel;

-- name: try_slack_threads_again
-- What had no channel, or one that did not take it, of epics that go on.
UPDATE slack_threads t SET shown = -1, tries = 0, next_at = '-infinity',
    -- A pass that is under way may have seen the channels as they were, and will say that all is shown.
    look_at = CASE WHEN t.claimed_until > clock_timestamp() THEN clock_timestamp() ELSE t.look_at END
FROM epics e WHERE e.id = t.epic_id AND e.status IN ('queued', 'waiting', 'paused') AND (t.ts IS NULL OR t.problem IS NOT NULL);

-- name: bind_slack_thread
-- In the transaction that makes the epic: its thread is in the channel where it was asked for, below the message that asked if there is one.
INSERT INTO slack_threads AS t (epic_id, channel, ts) VALUES (%(epic)s, %(channel)s, %(ts)s)
ON CONFLICT (epic_id) DO UPDATE SET channel = excluded.channel, ts = excluded.ts;

-- name: epic_of_slack_thread
SELECT epic_id FROM slack_threads WHERE channel = %(channel)s AND ts = %(ts)s ORDER BY epic_id DESC LIMIT 1;

-- name: claim_slack_threads
-- Those that are out of date, or to be looked at; nothing while Slack wants to hear nothing, or is away. A moment after what happened: the
-- worker that goes on with it has the processor first, and what follows at once is told in the same edit.
WITH taken AS (
    SELECT epic_id FROM slack_threads
    WHERE (shown < wanted AND wanted_at <= clock_timestamp() - interval '0.25 seconds' OR look_at <= clock_timestamp())
        AND next_at <= clock_timestamp() AND claimed_until <= clock_timestamp()
        AND NOT EXISTS (SELECT FROM slack_turns WHERE what = '*' AND silent_until > clock_timestamp())
    ORDER BY next_at, epic_id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE slack_threads t SET claim = %(claim)s, claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
FROM taken WHERE t.epic_id = taken.epic_id
RETURNING t.epic_id, t.channel, t.ts, t.since, t.wanted, t.tries, t.problem, CASE WHEN t.look_at <= clock_timestamp() THEN t.look_at END AS looked_at,
    t.is_doubtful, extract(epoch FROM t.created_at)::double precision AS created_at;

-- name: keep_slack_claim
UPDATE slack_threads SET claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE epic_id = %(epic)s AND claim = %(claim)s AND claimed_until > clock_timestamp()
RETURNING epic_id;

-- name: slack_thread_shown
UPDATE slack_threads SET
    shown = greatest(shown, %(shown)s), tries = 0, problem = %(problem)s, claim = NULL, claimed_until = '-infinity',
    next_at = clock_timestamp() + make_interval(secs => %(wait)s),
    -- Only what the pass was asked to look at: another may have been asked for meanwhile.
    look_at = CASE WHEN look_at = %(looked_at)s::timestamptz THEN NULL ELSE look_at END,
    is_doubtful = is_doubtful AND %(looked_at)s::timestamptz IS NULL
WHERE epic_id = %(epic)s AND claim = %(claim)s
RETURNING epic_id;

-- name: slack_thread_put_off
UPDATE slack_threads SET
    tries = tries + %(tries)s, problem = %(problem)s, claim = NULL, claimed_until = '-infinity',
    next_at = clock_timestamp() + make_interval(secs => %(wait)s)
WHERE epic_id = %(epic)s AND claim = %(claim)s
RETURNING epic_id;

-- name: slack_posts_of_epic
SELECT key, kind, channel, ts, facts, posted_hash, posted_at, is_final, losses, given_up,
    extract(epoch FROM intended_at)::double precision AS intended_at
FROM slack_posts WHERE epic_id = %(epic)s;

-- name: intend_slack_post
-- Before the post, and only by whoever has the claim, which is good for so long from now. The facts of the first intent stay.
WITH mine AS (
    UPDATE slack_threads SET claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s), channel = coalesce(channel, %(channel)s)
    WHERE epic_id = %(epic)s AND claim = %(claim)s AND claimed_until > clock_timestamp()
    RETURNING epic_id
)
INSERT INTO slack_posts AS p (key, epic_id, kind, channel, facts, intended_at)
SELECT %(key)s, epic_id, %(kind)s, %(channel)s, %(facts)s, clock_timestamp() FROM mine
ON CONFLICT (key) DO UPDATE SET channel = excluded.channel, intended_at = excluded.intended_at
RETURNING p.facts;

-- name: slack_post_not_made
-- It is known that the message is not there: nobody need look for it.
UPDATE slack_posts p SET intended_at = NULL
FROM slack_threads t WHERE p.key = %(key)s AND p.ts IS NULL AND t.epic_id = p.epic_id AND t.claim = %(claim)s
RETURNING p.key;

-- name: slack_post_made
-- Under the claim: whoever lost it leaves the row to whoever has it.
WITH mine AS (
    UPDATE slack_threads SET
        ts = CASE WHEN %(is_root)s THEN coalesce(ts, %(ts)s) ELSE ts END,
        look_at = CASE WHEN %(look_in)s::double precision IS NULL THEN look_at
            ELSE clock_timestamp() + make_interval(secs => %(look_in)s::double precision) END
    WHERE epic_id = %(epic)s AND claim = %(claim)s
    RETURNING epic_id
)
UPDATE slack_posts p SET
    ts = %(ts)s, posted_hash = %(hash)s, is_final = %(is_final)s, posted_at = coalesce(p.posted_at, clock_timestamp())
FROM mine WHERE p.key = %(key)s AND p.epic_id = mine.epic_id
RETURNING p.key;

-- name: slack_post_edited
UPDATE slack_posts p SET posted_hash = %(hash)s, is_final = %(is_final)s, edits = edits + 1
FROM slack_threads t WHERE p.key = %(key)s AND t.epic_id = p.epic_id AND t.claim = %(claim)s
RETURNING p.key;

-- name: slack_post_unknown
-- Somebody who had lost its claim edited the message: it is edited again, by a pass that begins after this.
WITH again AS (UPDATE slack_posts SET posted_hash = NULL, is_final = false WHERE key = %(key)s RETURNING epic_id)
UPDATE slack_threads t SET look_at = clock_timestamp() FROM again WHERE t.epic_id = again.epic_id RETURNING t.epic_id;

-- name: slack_post_lost
UPDATE slack_posts SET ts = NULL, posted_hash = NULL, intended_at = NULL, losses = losses + 1 WHERE key = %(key)s RETURNING losses;

-- name: slack_post_given_up
UPDATE slack_posts SET given_up = %(why)s WHERE key = %(key)s RETURNING key;

-- name: forget_slack_root
-- The thread begins anew, with another message.
UPDATE slack_threads SET ts = NULL WHERE epic_id = %(epic)s AND claim = %(claim)s RETURNING epic_id;

-- name: take_slack_turn
-- How long until the turn; it is taken if that is not too long.
SELECT take_slack_turn(%(what)s, %(per_minute)s, %(at_once)s, %(within)s) AS seconds;

-- name: ask_slack_silence
-- Slack asked for silence; the longest that it asked for counts.
INSERT INTO slack_turns AS t (what, silent_until) VALUES (%(what)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (what) DO UPDATE SET silent_until = greatest(t.silent_until, excluded.silent_until)
RETURNING what;

-- name: slack_failed
-- Nobody asks Slack anything for a while: twice as long each time in a row, up to a limit. Those who fail together count once.
INSERT INTO slack_turns AS t (what, failures, silent_until)
VALUES ('*', 1, clock_timestamp() + make_interval(secs => %(first)s::double precision))
ON CONFLICT (what) DO UPDATE SET
    failures = t.failures + 1,
    silent_until = clock_timestamp()
        + make_interval(secs => least(%(first)s::double precision * 2 ^ least(t.failures, 20), %(most)s::double precision))
WHERE t.silent_until <= clock_timestamp()
RETURNING failures;

-- name: slack_answered
UPDATE slack_turns SET failures = 0 WHERE what = '*' AND failures > 0 RETURNING what;

-- name: slack_backlog
-- For the metrics and for people: what waits, since when, and what is wrong.
SELECT
    (SELECT count(*) FROM slack_threads WHERE shown < wanted) AS waiting,
    (SELECT extract(epoch FROM clock_timestamp() - min(wanted_at))::double precision FROM slack_threads WHERE shown < wanted) AS oldest_s,
    (SELECT count(*) FROM slack_threads WHERE problem IS NOT NULL) AS troubled,
    (SELECT count(*) FROM slack_posts WHERE ts IS NOT NULL) AS posted,
    (SELECT count(*) FROM slack_posts WHERE given_up IS NOT NULL) AS given_up,
    coalesce((SELECT failures FROM slack_turns WHERE what = '*'), 0) AS failures;

-- name: slack_troubled_threads
-- The newest threads with a problem.
SELECT epic_id AS epic, channel, problem, tries, next_at FROM slack_threads WHERE problem IS NOT NULL ORDER BY epic_id DESC LIMIT %(limit)s;

-- name: doubt_restored_slack
-- After a restore: what was posted since the backup has no row. A backup of an older release has no such table.
DO $$ BEGIN
    IF to_regclass('slack_threads') IS NOT NULL THEN
        UPDATE slack_threads SET is_doubtful = true, look_at = clock_timestamp(), claim = NULL, claimed_until = '-infinity', next_at = '-infinity';
    END IF;
END $$;

-- name: people_in_slack
-- Everybody who is known in the workspace.
SELECT p.name, p.groups, p.grants, i.value FROM people p JOIN identities i ON i.person = p.name
WHERE i.kind = 'slack' AND starts_with(i.value, %(team)s || '/')
ORDER BY p.name;

-- name: events_for_slack
-- What a thread tells of, in order.
SELECT n, type, data, created_at FROM events
WHERE epic_id = %(epic)s AND n >= %(since)s
    AND type IN ('approval_opened', 'approval_reminded', 'approval_escalated', 'epic_ended', 'epic_paused', 'people_told')
ORDER BY n;

-- name: is_race_entry
SELECT FROM race_entries WHERE fork_id = %(epic)s;
