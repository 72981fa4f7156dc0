-- What is recorded of one epic, whole: out of this database and into another. Rows travel as JSON with every column that they have; what is
-- left out is what another database gives anew. Money goes as text, since JSON has no exact numbers.

-- name: begin_reading
-- All that is read is of one instant, also while somebody works on the epic.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: saved_epic
SELECT to_jsonb(e) - '{project_id,retry_at,retries,retry_mark}'::text[] || jsonb_build_object('budget_usd', e.budget_usd::text) AS row
FROM epics e WHERE e.id = %(epic)s;

-- name: saved_moments
SELECT to_jsonb(m) - '{epic_id,pack}'::text[] || jsonb_build_object('cost_usd', m.cost_usd::text) AS row
FROM moments m WHERE m.epic_id = %(epic)s ORDER BY m.n;

-- name: saved_attempts
SELECT to_jsonb(a) - '{epic_id}'::text[] || jsonb_build_object('limit_usd', a.limit_usd::text) AS row
FROM attempts a WHERE a.epic_id = %(epic)s ORDER BY a.n;

-- name: saved_briefs
SELECT to_jsonb(b) - '{epic_id}'::text[] AS row FROM briefs b WHERE b.epic_id = %(epic)s ORDER BY b.attempt;

-- name: saved_turns
-- Not by way of jsonb: requests and answers are kept to the letter.
SELECT attempt, n, request_hash, model, request, answer, results, tree, head, to_jsonb(created_at) AS created_at
FROM turns WHERE epic_id = %(epic)s ORDER BY attempt, n;

-- name: saved_sayings
SELECT to_jsonb(s) - '{epic_id}'::text[] AS row FROM sayings s WHERE s.epic_id = %(epic)s ORDER BY s.n;

-- name: saved_approvals
SELECT to_jsonb(a) - '{epic_id}'::text[] || jsonb_build_object('amount_usd', a.amount_usd::text) AS row
FROM approvals a WHERE a.epic_id = %(epic)s ORDER BY a.moment;

-- name: saved_approval_votes
SELECT to_jsonb(v) - '{epic_id}'::text[] || jsonb_build_object('amount_usd', v.amount_usd::text) AS row
FROM approval_votes v WHERE v.epic_id = %(epic)s ORDER BY v.approval_id, v.voted_at, v.person;

-- name: saved_events
SELECT to_jsonb(v) - '{epic_id}'::text[] AS row FROM events v WHERE v.epic_id = %(epic)s ORDER BY v.n;

-- name: saved_analyses
-- What a search finds an analysis by is made again where it goes.
SELECT to_jsonb(a) - '{epic_id,project_id,step,words}'::text[] AS row FROM analyses a WHERE a.epic_id = %(epic)s ORDER BY a.moment;

-- name: saved_pull_requests
SELECT to_jsonb(p) - '{epic_id}'::text[] AS row FROM pull_requests p WHERE p.epic_id = %(epic)s;

-- name: saved_effects
SELECT to_jsonb(f) - '{epic_id}'::text[] AS row FROM effects f WHERE f.epic_id = %(epic)s ORDER BY f.intended_at, f.key, f.generation;

-- name: saved_rollbacks
SELECT to_jsonb(r) - '{epic_id}'::text[] AS row FROM rollbacks r WHERE r.epic_id = %(epic)s ORDER BY r.moment;

-- name: saved_prunings
SELECT to_jsonb(p) - '{epic_id}'::text[] AS row FROM prunings p WHERE p.epic_id = %(epic)s;

-- name: is_id_free
-- Whether nothing in this database has that id, and nothing that outlives an epic speaks of it.
SELECT NOT EXISTS (SELECT FROM epics WHERE id = %(epic)s) AND NOT EXISTS (SELECT FROM leases WHERE thread_id = %(epic)s)
    AND NOT EXISTS (SELECT FROM checkpoints WHERE thread_id = %(epic)s) AND NOT EXISTS (SELECT FROM outbox WHERE epic_id = %(epic)s)
    AND NOT EXISTS (SELECT FROM approvals WHERE id = ANY(%(approvals)s)) AS free;

-- name: put_epic
-- Only if the epic that it was forked from is here does it stay its fork.
INSERT INTO epics
SELECT (jsonb_populate_record(NULL::epics, jsonb_build_object('retries', 0) || r || jsonb_build_object(
    'id', %(epic)s::text, 'project_id', %(project)s::bigint, 'forked_from', p.id, 'forked_at', CASE WHEN p.id IS NOT NULL THEN r -> 'forked_at' END
))).*
FROM (SELECT %(row)s::jsonb AS r) AS given LEFT JOIN epics p ON p.id = r ->> 'forked_from';

-- name: put_pack
SELECT keep_pack(%(epic)s, %(commit)s, %(data)s, %(needs)s);

-- name: put_moments
INSERT INTO moments
SELECT (jsonb_populate_record(NULL::moments, jsonb_build_object('note', '') || r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_attempts
INSERT INTO attempts
SELECT (jsonb_populate_record(NULL::attempts, jsonb_build_object('pruned_turns', 0) || r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_briefs
INSERT INTO briefs
SELECT (jsonb_populate_record(NULL::briefs, r || jsonb_build_object('epic_id', %(epic)s::text))).* FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_turn
INSERT INTO turns (epic_id, attempt, n, request_hash, model, request, answer, results, tree, head, created_at, pack)
VALUES (
    %(epic)s, %(attempt)s, %(n)s, %(request_hash)s, %(model)s, %(request)s, %(answer)s, %(results)s, %(tree)s, %(head)s, %(created_at)s, %(tree)s
);

-- name: put_sayings
INSERT INTO sayings
SELECT (jsonb_populate_record(NULL::sayings, r || jsonb_build_object('epic_id', %(epic)s::text))).* FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_approvals
INSERT INTO approvals
SELECT (jsonb_populate_record(NULL::approvals, r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_approval_votes
INSERT INTO approval_votes
SELECT (jsonb_populate_record(NULL::approval_votes, r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_events
INSERT INTO events
SELECT (jsonb_populate_record(NULL::events, r || jsonb_build_object('epic_id', %(epic)s::text))).* FROM jsonb_array_elements(%(rows)s) AS r;

-- name: tell_nobody
-- What happened elsewhere, long ago, is no news: the messages that the events have made are taken back before anybody sees them.
DELETE FROM outbox WHERE epic_id = %(epic)s;

-- name: put_analyses
INSERT INTO analyses
SELECT (jsonb_populate_record(NULL::analyses, r || jsonb_build_object('epic_id', %(epic)s::text))).* FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_pull_requests
INSERT INTO pull_requests
SELECT (jsonb_populate_record(NULL::pull_requests, r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_effects
-- Deeds on another machine's world: kept under keys that no deed of this one has, so that none is taken for done here.
INSERT INTO effects
SELECT (jsonb_populate_record(NULL::effects, r || jsonb_build_object(
    'epic_id', %(epic)s::text, 'key', 'imported:' || %(epic)s || ':' || (r ->> 'key')
))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_rollbacks
INSERT INTO rollbacks
SELECT (jsonb_populate_record(NULL::rollbacks, r || jsonb_build_object('epic_id', %(epic)s::text))).*
FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_prunings
INSERT INTO prunings
SELECT (jsonb_populate_record(NULL::prunings, r || jsonb_build_object('epic_id', %(epic)s::text))).* FROM jsonb_array_elements(%(rows)s) AS r;

-- name: put_saved_checkpoint
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
VALUES (%(epic)s, '', %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s);

-- name: put_saved_blob
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
VALUES (%(epic)s, '', %(channel)s, %(version)s, %(type)s, %(blob)s)
ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING;
