-- Runs of agents that are written in Python: the run is one attempt (task `run`), and each time that its agent asks the model is one more
-- (tasks `ask-1`, `ask-2`, …). A run may be on no repository: `epics.repo` is empty then, and so is its commit.

ALTER TABLE runs ADD COLUMN kind text NOT NULL DEFAULT 'workflow' CHECK (kind IN ('workflow', 'agent'));

-- As before, with the turns of all its attempts, and the result of the one that is the run.
CREATE OR REPLACE VIEW shown_runs AS
SELECT
    s.id, r.workflow, r.task, s.repo, s.base, r.revision, r.start_commit, s.status, s.attempt, s.cost_usd, s.reserved_usd, s.budget_usd,
    s.tokens, s.problem, s.executor, s.model, s.labels, s.queue_place, s.retry_at, s.created_at, s.updated_at, r.ended_at, r.unpublished,
    a.executor AS used_executor, a.model AS used_model, a.branch, a.result, a.turns, r.kind
FROM shown_epics s
JOIN runs r ON r.id = s.id
LEFT JOIN LATERAL (
    SELECT
        t.executor, t.model, t.branch, t.result,
        (SELECT count(*) FROM turns u WHERE u.epic_id = t.epic_id)
        + (SELECT sum(o.pruned_turns) FROM attempts o WHERE o.epic_id = t.epic_id) AS turns
    FROM attempts t WHERE t.epic_id = s.id ORDER BY (t.task_id = 'run') DESC, t.n DESC LIMIT 1
) AS a ON true;
