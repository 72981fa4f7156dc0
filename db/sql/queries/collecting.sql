-- What this database names, for whoever collects what nothing names.

-- name: epics_of_home
-- Every epic, and whether it is at rest: ended, held by nobody, and nothing asked of it.
SELECT
    e.id, e.repo,
    e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done') AND (l.token IS NULL OR l.expires_at <= clock_timestamp())
        AND NOT EXISTS (SELECT FROM commands c WHERE c.epic_id = e.id AND c.applied_at IS NULL AND c.kind <> 'cancel') AS at_rest
FROM epics e LEFT JOIN leases l ON l.thread_id = e.id
ORDER BY e.id;

-- name: commits_of_repo
-- Every commit that anything names of an epic on this repository, or that an epic holds. What a held pack is thin against is in the
-- database as well, and comes from there when it is needed.
SELECT base_commit AS commit FROM epics WHERE repo = %(repo)s
UNION SELECT head FROM epics WHERE repo = %(repo)s AND head IS NOT NULL
UNION SELECT m.commit FROM moments m JOIN epics e ON e.id = m.epic_id WHERE e.repo = %(repo)s
UNION SELECT a.base_commit FROM attempts a JOIN epics e ON e.id = a.epic_id WHERE e.repo = %(repo)s
UNION SELECT a.result ->> 'commit' FROM attempts a JOIN epics e ON e.id = a.epic_id WHERE e.repo = %(repo)s AND a.result ->> 'commit' IS NOT NULL
UNION SELECT t.tree FROM turns t JOIN epics e ON e.id = t.epic_id WHERE e.repo = %(repo)s AND t.tree IS NOT NULL
UNION SELECT t.head FROM turns t JOIN epics e ON e.id = t.epic_id WHERE e.repo = %(repo)s AND t.head IS NOT NULL
UNION SELECT h.commit FROM epic_packs h JOIN epics e ON e.id = h.epic_id WHERE e.repo = %(repo)s
UNION SELECT named.commit
FROM epics e
JOIN checkpoints c ON c.thread_id = e.id
CROSS JOIN LATERAL (
    VALUES (c.checkpoint -> 'channel_values' ->> 'base'), (c.checkpoint -> 'channel_values' ->> 'head')
) AS named (commit)
WHERE e.repo = %(repo)s AND named.commit <> '';

-- name: branches_of_repo
SELECT branch FROM epics WHERE repo = %(repo)s AND branch IS NOT NULL
UNION SELECT m.branch FROM moments m JOIN epics e ON e.id = m.epic_id WHERE e.repo = %(repo)s AND m.branch IS NOT NULL
UNION SELECT a.branch FROM attempts a JOIN epics e ON e.id = a.epic_id WHERE e.repo = %(repo)s AND a.branch IS NOT NULL;

-- name: unheld_packs
-- What collect_packs() would remove in all its rounds: packs that no epic holds, and no pack needs that an epic holds.
WITH RECURSIVE wanted (project_id, commit) AS (
    SELECT project_id, commit FROM epic_packs
    UNION
    SELECT n.project_id, n.needs FROM wanted w JOIN pack_needs n ON n.project_id = w.project_id AND n.commit = w.commit
)
SELECT count(*) AS packs, coalesce(sum(octet_length(p.data)), 0)::bigint AS bytes
FROM packs p
WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.project_id = p.project_id AND w.commit = p.commit);
