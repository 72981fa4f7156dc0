-- name: plan_race
INSERT INTO races (epic_id, n, rule) VALUES (%(epic)s, %(n)s, %(rule)s);

-- name: race
SELECT
    r.epic_id, r.n, r.rule, r.state, r.moment, r.share_usd, r.problem, r.winner, r.winner_moment, r.picked_moment, r.picked_by, r.picked_at, r.why,
    r.told_to_end, EXISTS (SELECT FROM due_races d WHERE d.epic_id = r.epic_id) AS due
FROM races r WHERE r.epic_id = %(epic)s;

-- name: race_entries
-- With what the entries cost, which counts against the limit of the epic; a fork that is not made yet has no status.
SELECT
    n.k, n.fork_id, n.guidance, n.score, n.judged_at, e.status, e.step, e.moment, e.head, e.branch, e.problem,
    CASE WHEN e.id IS NOT NULL THEN place_of_entry(e) END AS place, coalesce(e.forked_from = n.epic_id, true) AS ours,
    coalesce(e.status = 'queued', false) AND EXISTS (
        SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
    ) AS running,
    (SELECT coalesce(sum(c.cost_usd), 0) FROM calls c WHERE c.epic_id = n.fork_id AND c.state <> 'released') AS counted_usd
FROM race_entries n LEFT JOIN epics e ON e.id = n.fork_id
WHERE n.epic_id = %(epic)s ORDER BY n.k;

-- name: entry_of_race
-- The race that an epic is an entry of.
SELECT r.epic_id, r.n, r.state, n.k FROM race_entries n JOIN races r ON r.epic_id = n.epic_id WHERE n.fork_id = %(epic)s;

-- name: spent_of_epic
SELECT coalesce(sum(c.cost_usd), 0) AS usd FROM calls c WHERE c.epic_id = %(epic)s AND c.state <> 'released';

-- name: begin_race
UPDATE races SET state = 'running', moment = %(moment)s, share_usd = %(share)s WHERE epic_id = %(epic)s AND state = 'planned' RETURNING n;

-- name: add_entries
INSERT INTO race_entries (epic_id, k, fork_id, guidance)
SELECT %(epic)s, given.k, given.fork, given.guidance
FROM unnest(%(ks)s::integer[], %(forks)s::text[], %(guidances)s::text[]) AS given (k, fork, guidance);

-- name: rename_entry
-- Somebody took the id for an epic of their own before the fork was made.
UPDATE race_entries SET fork_id = %(fork)s WHERE epic_id = %(epic)s AND k = %(k)s;

-- name: rest_epic
-- Told to wait for its race, or as its entry. What waits for a person at a gate does so on.
UPDATE epics SET status = 'paused', problem = %(problem)s, updated_at = now() WHERE id = %(epic)s AND status IN ('queued', 'paused')
RETURNING id;

-- name: judge_entry
UPDATE race_entries SET score = %(score)s, judged_at = %(judged_at)s WHERE epic_id = %(epic)s AND k = %(k)s;

-- name: hinder_race
UPDATE races SET problem = %(problem)s WHERE epic_id = %(epic)s AND problem IS DISTINCT FROM %(problem)s::text RETURNING epic_id;

-- name: call_off_race
UPDATE races SET state = 'called_off', why = %(why)s, problem = NULL WHERE epic_id = %(epic)s AND state = 'running' RETURNING epic_id;

-- name: entries_told_to_end
UPDATE races SET told_to_end = true WHERE epic_id = %(epic)s AND state IN ('picked', 'called_off');
