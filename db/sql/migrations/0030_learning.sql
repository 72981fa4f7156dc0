-- From finished work to knowledge: which epics and runs have something that was not told yet, what the brief of an attempt recalls, and up to
-- where the past of an epic was made elsewhere.

ALTER TABLE attempts
    -- The facts that its brief recalls, word for word, with id and score, so that the brief can be made again. None for none.
    ADD COLUMN recalled jsonb;

ALTER TABLE epics
    -- The last moment that an import brought: what came before was made, and taught, where it was exported.
    ADD COLUMN imported_at integer;

-- An epic or run to which something happened that may teach: written in the transaction of what happened, and taken away once all of it is
-- in the queue of episodes. The mark says only where to look; what there is to learn is read from the rows.
CREATE TABLE learning_marks (
    epic_id text PRIMARY KEY REFERENCES epics (id) ON DELETE CASCADE,
    -- The newest event that may teach: whoever takes the mark away says which one it has seen.
    news integer NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0
);

-- In the checkpoint's transaction: plain statements only (durability rule 5).
CREATE FUNCTION mark_learning() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO learning_marks (epic_id, news)
    SELECT e.epic_id, max(e.n)
    FROM added e
    WHERE e.type IN ('attempt_ended', 'failure_analysed', 'approval_decided', 'person_said', 'sayings_told', 'epic_ended', 'run_ended')
    GROUP BY e.epic_id
    ORDER BY e.epic_id
    ON CONFLICT (epic_id) DO UPDATE SET news = excluded.news, due_at = excluded.due_at, tries = 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER events_teach AFTER INSERT ON events REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION mark_learning();

-- What happened before there was any knowledge is learned too, the oldest first.
INSERT INTO learning_marks (epic_id, news, due_at) SELECT e.id, e.last_event, e.created_at FROM epics e;
