-- name: moment_to_go_to
SELECT n, parent, step, outcome, checkpoint_id, commit, tree, branch, created_at FROM moments WHERE epic_id = %(epic)s AND n = %(n)s;

-- name: last_rollback
-- Of a fork only its own: where its source was before such a one, the fork has never been.
SELECT r.moment, r.kind, r.level, r.to_moment, r.before_moment FROM rollbacks r JOIN epics e ON e.id = r.epic_id
WHERE r.epic_id = %(epic)s AND r.moment > coalesce(e.forked_at, 0) ORDER BY r.moment DESC LIMIT 1;

-- name: effects_since
-- What was done outside after a moment was made. Deeds are begun where the epic was last; the pull request is the moment's own.
SELECT kind, content, state, found FROM effects
WHERE epic_id = %(epic)s AND state IN ('done', 'unknown')
    AND coalesce(moment, 0) >= %(n)s + CASE WHEN kind = 'pull_request' THEN 1 ELSE 0 END
ORDER BY intended_at, key;

-- name: messages_since
SELECT count(*) AS sent FROM outbox
WHERE epic_id = %(epic)s AND delivered_at IS NOT NULL
    AND delivered_at >= coalesce((SELECT created_at FROM moments WHERE epic_id = %(epic)s AND n = %(n)s), '-infinity');

-- name: open_approvals
-- Those that a rollback supersedes: asked and not decided, or decided and not gone on with.
SELECT id FROM approvals WHERE epic_id = %(epic)s AND (status = 'pending' OR (decision IS NOT NULL AND applied_at IS NULL)) ORDER BY requested_at;

-- name: last_attempt
SELECT last_attempt FROM epics WHERE id = %(epic)s;
