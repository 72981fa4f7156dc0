-- name: list_approvals
SELECT
    a.id, a.epic_id AS epic, p.repo, a.gate, a.moment, a.status, a.content_hash, a.question, a.options, a.summary, a.requested_at, a.expires_at,
    a.decision, a.decided_by, a.decided_at, a.channel, a.comment, a.to_moment AS to, a.amount_usd,
    p.requested_by, coalesce(a.terms, '{}') AS terms, a.remind_at, a.reminded_at, a.escalate_at, a.escalated_at, votes_on(a.id) AS votes
FROM approvals a JOIN epics p ON p.id = a.epic_id
WHERE (%(status)s::text IS NULL OR a.status = %(status)s::text) AND (%(epic)s::text IS NULL OR a.epic_id = %(epic)s::text)
    AND (%(patterns)s::text[] IS NULL OR EXISTS (
        SELECT FROM epics e WHERE e.id = a.epic_id AND e.repo = ANY ((SELECT repositories_that_fit(%(patterns)s::text[]))::text[])
    ))
ORDER BY a.requested_at DESC, a.id
LIMIT %(limit)s;

-- name: approval_view
SELECT
    a.id, a.epic_id AS epic, p.repo, a.gate, a.moment, a.status, a.content_hash, a.question, a.options, a.summary, a.requested_at, a.expires_at,
    a.decision, a.decided_by, a.decided_at, a.channel, a.comment, a.to_moment AS to, a.amount_usd,
    p.requested_by, coalesce(a.terms, '{}') AS terms, a.remind_at, a.reminded_at, a.escalate_at, a.escalated_at, votes_on(a.id) AS votes
FROM approvals a JOIN epics p ON p.id = a.epic_id WHERE a.id = %(approval)s;

-- name: find_approvals
-- As for epics: what the caller may not read is not there for it.
SELECT a.id, e.repo FROM approvals a JOIN epics e ON e.id = a.epic_id
WHERE starts_with(a.id, %(prefix)s) AND (%(patterns)s::text[] IS NULL OR fits(e.repo, %(patterns)s::text[]))
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
SELECT
    id, gate, status, decision, decided_by, channel, comment, to_moment, amount_usd, applied_at, scope, coalesce(terms, '{}') AS terms,
    judged_at, content_hash
FROM approvals WHERE epic_id = %(epic)s AND moment = %(moment)s;

-- name: page_of_approvals
-- Newest first; time and id of the last one seen are the place where the next page begins, whatever was added meanwhile.
SELECT
    a.id, a.epic_id AS epic, p.repo, a.gate, a.moment, a.status, a.content_hash, a.question, a.options, a.summary, a.requested_at, a.expires_at,
    a.decision, a.decided_by, a.decided_at, a.channel, a.comment, a.to_moment AS to, a.amount_usd,
    p.requested_by, coalesce(a.terms, '{}') AS terms, a.remind_at, a.reminded_at, a.escalate_at, a.escalated_at, votes_on(a.id) AS votes
FROM approvals a JOIN epics p ON p.id = a.epic_id
WHERE (%(status)s::text IS NULL OR a.status = %(status)s::text)
    AND (%(epic)s::text IS NULL OR a.epic_id = %(epic)s::text)
    AND (%(patterns)s::text[] IS NULL OR EXISTS (
        SELECT FROM epics e WHERE e.id = a.epic_id AND e.repo = ANY ((SELECT repositories_that_fit(%(patterns)s::text[]))::text[])
    ))
    AND (%(before_time)s::timestamptz IS NULL OR (a.requested_at, a.id) < (%(before_time)s::timestamptz, %(before_id)s::text))
ORDER BY a.requested_at DESC, a.id DESC
LIMIT %(limit)s;

-- name: open_approval
-- An approval that may be decided, with what was said before, under the lock of its epic; whether its time is over, by this clock.
SELECT
    a.id, a.epic_id AS epic, a.gate, a.status, a.content_hash, coalesce(a.terms, '{}') AS terms, votes_on(a.id) AS votes,
    coalesce(a.expires_at <= clock_timestamp(), false) AS is_over
FROM approvals a WHERE a.id = %(approval)s;

-- name: put_vote
-- Who changes the choice takes the earlier one back: somebody is always counted once.
INSERT INTO approval_votes (epic_id, approval_id, person, choice, comment, channel, to_moment, amount_usd, content_hash)
SELECT a.epic_id, a.id, %(person)s, %(choice)s, %(comment)s, %(channel)s, %(to)s, %(amount)s, a.content_hash
FROM approvals a WHERE a.id = %(approval)s
ON CONFLICT (approval_id, person) DO UPDATE SET
    choice = excluded.choice, comment = excluded.comment, channel = excluded.channel, to_moment = excluded.to_moment,
    amount_usd = excluded.amount_usd, voted_at = now();

-- name: due_approvals
SELECT id FROM approvals
WHERE status = 'pending' AND next_due(remind_at, reminded_at, escalate_at, escalated_at, expires_at) <= clock_timestamp()
ORDER BY next_due(remind_at, reminded_at, escalate_at, escalated_at, expires_at), id LIMIT %(limit)s;

-- name: remind_of_approval
-- Each of these is done by whoever gets the row back, once.
UPDATE approvals SET reminded_at = clock_timestamp()
WHERE id = %(approval)s AND status = 'pending' AND reminded_at IS NULL AND remind_at <= clock_timestamp()
    AND coalesce(expires_at > clock_timestamp(), true)
RETURNING epic_id AS epic, gate, terms, requested_at, expires_at;

-- name: escalate_approval
UPDATE approvals SET escalated_at = clock_timestamp()
WHERE id = %(approval)s AND status = 'pending' AND escalated_at IS NULL AND escalate_at <= clock_timestamp()
    AND coalesce(expires_at > clock_timestamp(), true)
RETURNING epic_id AS epic, gate, terms, requested_at, expires_at;

-- name: expire_approval
UPDATE approvals SET status = 'expired'
WHERE id = %(approval)s AND status = 'pending' AND expires_at <= clock_timestamp()
RETURNING epic_id AS epic, gate, coalesce(terms, '{}') AS terms, content_hash, moment, requested_at, expires_at, votes_on(id) AS votes;

-- name: decide_expired
-- What the policy says where nobody did; the approval shows both that its time was over and what that led to.
UPDATE approvals SET decision = %(decision)s, decided_by = %(by)s, decided_at = now(), channel = 'auto', comment = %(comment)s
WHERE id = %(approval)s;

-- name: park_expired
UPDATE epics SET status = 'paused', waiting_on = NULL, problem = %(problem)s, updated_at = now()
WHERE id = %(epic)s AND status IN ('waiting', 'paused');

-- name: judge_approval
UPDATE approvals SET judged_at = clock_timestamp() WHERE id = %(approval)s AND status = 'pending' AND judged_at IS NULL RETURNING id;

-- name: judge_again
UPDATE approvals SET judged_at = NULL WHERE epic_id = %(epic)s AND status = 'pending' AND judged_at IS NOT NULL;

-- name: put_approval_terms
UPDATE epics SET approval_terms = %(terms)s WHERE id = %(epic)s;

-- name: spent_on_epic
SELECT coalesce(sum(cost_usd), 0) AS spent_usd FROM calls WHERE epic_id = %(epic)s;
