-- name: keep_pack
-- The fence is asked first, in the same statement.
SELECT keep_pack(%(epic)s, %(commit)s, %(data)s, %(needs)s) FROM assert_lease(%(epic)s, %(epoch)s, %(token)s);

-- name: held_packs
-- What an epic holds, in the order in which it came to hold it.
SELECT e.commit, p.data IS NOT NULL AS has_data
FROM epic_packs e JOIN packs p ON p.project_id = e.project_id AND p.commit = e.commit
WHERE e.epic_id = %(epic)s ORDER BY e.id;

-- name: packs_behind
-- The packs that the given commits need, themselves among them: everything but the data. The epic says which project's they are.
WITH RECURSIVE wanted (project_id, commit) AS (
    SELECT p.project_id, p.commit FROM packs p JOIN epics e ON e.project_id = p.project_id
    WHERE e.id = %(epic)s AND p.commit = ANY(%(commits)s)
    UNION
    SELECT n.project_id, n.needs FROM wanted w JOIN pack_needs n ON n.project_id = w.project_id AND n.commit = w.commit
)
SELECT
    w.commit, p.data IS NOT NULL AS has_data,
    ARRAY(SELECT n.needs FROM pack_needs n WHERE n.project_id = w.project_id AND n.commit = w.commit) AS needs
FROM wanted w JOIN packs p ON p.project_id = w.project_id AND p.commit = w.commit;

-- name: pack_data
SELECT p.data FROM packs p JOIN epics e ON e.project_id = p.project_id WHERE e.id = %(epic)s AND p.commit = %(commit)s;

-- name: branch_tips
-- Where the rows say that an epic's branches are: at what the attempt came to or began with, unless a merge step brought the base in, or
-- the branch was made to go back to, or to fork from, a moment. Those that a fork took over are its source's.
SELECT DISTINCT ON (branch) branch, commit FROM (
    SELECT branch, commit, n AS place, 1 AS rank FROM moments
    WHERE epic_id = %(epic)s AND branch IS NOT NULL AND (step = 'merge' OR outcome IN ('rolled_back', 'forked'))
    UNION ALL
    SELECT branch, coalesce(result ->> 'commit', base_commit), n, 0 FROM attempts WHERE epic_id = %(epic)s AND branch IS NOT NULL
) AS tips
WHERE starts_with(branch, 'genie/' || %(epic)s || '/')
ORDER BY branch, rank DESC, place DESC;

-- name: unnamed_packs
-- What an epic holds and neither a moment, nor a turn, nor an attempt of it, nor its beginning names any more; for epics that have ended.
SELECT h.commit FROM epic_packs h JOIN epics e ON e.id = h.epic_id
WHERE h.epic_id = %(epic)s AND h.commit NOT IN (e.base_commit, coalesce(e.head, e.base_commit))
    AND e.status IN ('merged', 'rejected', 'failed', 'cancelled', 'done')
    AND NOT EXISTS (SELECT FROM moments m WHERE m.epic_id = h.epic_id AND m.commit = h.commit)
    AND NOT EXISTS (SELECT FROM turns t WHERE t.epic_id = h.epic_id AND t.tree = h.commit)
    AND NOT EXISTS (SELECT FROM attempts a WHERE a.epic_id = h.epic_id AND h.commit IN (a.base_commit, a.result ->> 'commit'));

-- name: let_go_of_packs
DELETE FROM epic_packs WHERE epic_id = %(epic)s AND commit = ANY(%(commits)s);

-- name: collect_packs
SELECT packs_removed, bytes_removed FROM collect_packs(%(most)s);

-- name: named_commits
-- What the rows of an epic name, for one that began before its commits were kept.
SELECT commit FROM moments WHERE epic_id = %(epic)s
UNION SELECT tree FROM turns WHERE epic_id = %(epic)s AND tree IS NOT NULL
UNION SELECT result ->> 'commit' FROM attempts WHERE epic_id = %(epic)s AND result IS NOT NULL
UNION SELECT head FROM epics WHERE id = %(epic)s AND head IS NOT NULL;
