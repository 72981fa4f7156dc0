-- name: list_approvals
SELECT
    id, epic_id AS epic, gate, moment, status, content_hash, question, options, summary, requested_at, expires_at,
    decision, decided_by, decided_at, channel, comment, to_moment AS to, amount_usd
FROM approvals
WHERE (%(status)s::text IS NULL OR status = %(status)s::text) AND (%(epic)s::text IS NULL OR epic_id = %(epic)s::text)
    AND (%(patterns)s::text[] IS NULL OR EXISTS (
        SELECT FROM epics e WHERE e.id = epic_id AND e.repo = ANY ((SELECT repositories_that_fit(%(patterns)s::text[]))::text[])
    ))
ORDER BY requested_at DESC, id
LIMIT %(limit)s;

-- name: approval_view
SELECT
    id, epic_id AS epic, gate, moment, status, content_hash, question, options, summary, requested_at, expires_at,
    decision, decided_by, decided_at, channel, comment, to_moment AS to, amount_usd
FROM approvals WHERE id = %(approval)s;

-- name: find_approvals
-- As for epics: what the caller may not read is not there for it.
SELECT a.id, e.repo FROM approvals a JOIN epics e ON e.id = a.epic_id
WHERE starts_with(a.id, %(prefix)s) AND (%(patterns)s::text[] IS NULL OR e.repo ~ ANY (%(patterns)s::text[]))
ORDER BY a.id LIMIT 6;

-- name: pending_approval_of_epic
SELECT id FROM approvals WHERE epic_id = %(epic)s AND status = 'pending';

-- name: decided_approval_of_epic
SELECT id FROM approvals WHERE epic_id = %(epic)s AND decision IS NOT NULL ORDER BY moment DESC LIMIT 1;

-- name: lock_epic_of_approval
SELECT id FROM epics WHERE id = (SELECT epic_id FROM approvals WHERE id = %(approval)s) FOR UPDATE;

-- name: decide_approval
-- The first decision wins: whoever comes later finds no pending row.
UPDATE approvals SET
    status = %(status)s, decision = %(decision)s, decided_by = %(by)s, decided_at = now(), channel = %(channel)s,
    comment = nullif(%(comment)s, ''), to_moment = %(to)s, amount_usd = %(amount)s
WHERE id = %(approval)s AND status = 'pending'
RETURNING
    id, epic_id AS epic, gate, moment, status, content_hash, question, options, summary, requested_at, expires_at,
    decision, decided_by, decided_at, channel, comment, to_moment AS to, amount_usd, scope;

-- name: epic_decided
-- A decided gate is work to do.
UPDATE epics SET status = 'queued', waiting_on = NULL, updated_at = now() WHERE id = %(epic)s AND status = 'waiting';

-- name: approval_at
SELECT id, gate, status, decision, decided_by, channel, comment, to_moment, amount_usd, applied_at, scope
FROM approvals WHERE epic_id = %(epic)s AND moment = %(moment)s;

-- name: page_of_approvals
-- Newest first; time and id of the last one seen are the place where the next page begins, whatever was added meanwhile.
SELECT
    id, epic_id AS epic, gate, moment, status, content_hash, question, options, summary, requested_at, expires_at,
    decision, decided_by, decided_at, channel, comment, to_moment AS to, amount_usd
FROM approvals
WHERE (%(status)s::text IS NULL OR status = %(status)s::text)
    AND (%(epic)s::text IS NULL OR epic_id = %(epic)s::text)
    AND (%(patterns)s::text[] IS NULL OR EXISTS (
        SELECT FROM epics e WHERE e.id = epic_id AND e.repo = ANY ((SELECT repositories_that_fit(%(patterns)s::text[]))::text[])
    ))
    AND (%(before_time)s::timestamptz IS NULL OR (requested_at, id) < (%(before_time)s::timestamptz, %(before_id)s::text))
ORDER BY requested_at DESC, id DESC
LIMIT %(limit)s;
