-- From a failure to the next attempt: an analysis is stored once for each attempt, found by later epics on the same repository, and says
-- what success followed; an attempt keeps how it was set up, what differs from the attempt before, and which analyses its brief told of.

ALTER TABLE attempts
    -- What the attempt was given: executor, models, limits, tools, bounds, hashes. None where an older release opened it.
    ADD COLUMN configuration jsonb,
    -- [{field, before, after}] against the attempt of the same step before it; none for the first.
    ADD COLUMN changed jsonb,
    -- The earlier failures that its brief tells of, word for word, so that the brief can be made again. None for none.
    ADD COLUMN lessons jsonb;

ALTER TABLE analyses
    ADD COLUMN project_id bigint REFERENCES projects (id),
    ADD COLUMN step text,
    ADD COLUMN words tsvector,
    -- The success that came next: {step, attempt, by, said, changed}; none as long as there is none.
    ADD COLUMN worked jsonb;

-- What a search finds an analysis by: the goal above all, then the words of the analysis.
CREATE FUNCTION words_of_analysis(p_goal text, p_analysis jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE AS $$
    SELECT setweight(to_tsvector('english', left(p_goal, 20000)), 'A')
        || setweight(to_tsvector('english', concat_ws(' ', p_analysis ->> 'cause', p_analysis ->> 'prevention')), 'B')
        || setweight(to_tsvector('english', left(p_analysis ->> 'evidence', 4000)), 'D');
$$;

-- "implement, attempt 3": the step that failed.
CREATE FUNCTION step_of_analysis(p_analysis jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT split_part(p_analysis ->> 'point', ',', 1);
$$;

UPDATE analyses a SET
    project_id = e.project_id, step = step_of_analysis(a.analysis), words = words_of_analysis(e.goal, a.analysis)
FROM epics e WHERE e.id = a.epic_id;
DELETE FROM analyses a
USING analyses later WHERE later.epic_id = a.epic_id AND later.attempt = a.attempt AND later.moment > a.moment;
CREATE UNIQUE INDEX analyses_once ON analyses (epic_id, attempt) WHERE attempt IS NOT NULL;
CREATE INDEX analyses_by_project ON analyses (project_id, created_at DESC);

-- An attempt that is analysed again, after a rollback to before its analysis, has one row: the newer words take the place of the older.
-- Who writes an analysis holds the row of its epic, so two cannot come at once. In the checkpoint's transaction: no savepoint (rule 5).
CREATE FUNCTION complete_analysis() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.project_id, words_of_analysis(e.goal, NEW.analysis) INTO NEW.project_id, NEW.words FROM epics e WHERE e.id = NEW.epic_id;
    NEW.step := step_of_analysis(NEW.analysis);
    IF NEW.attempt IS NOT NULL THEN
        UPDATE analyses SET moment = NEW.moment, analysis = NEW.analysis, words = NEW.words, step = NEW.step
        WHERE epic_id = NEW.epic_id AND attempt = NEW.attempt;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER complete_analysis BEFORE INSERT ON analyses FOR EACH ROW EXECUTE FUNCTION complete_analysis();

-- An attempt went well: the newest failure of its step, if nothing followed it yet, has found what works. Where the tests or the review had
-- the last word about the failure, they have it about the success too; that a design was approved is not known to its attempt.
CREATE FUNCTION settle_analysis(p_epic text, p_attempt integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ended attempts%ROWTYPE;
    failed analyses%ROWTYPE;
    answered attempts%ROWTYPE;
BEGIN
    SELECT * INTO ended FROM attempts WHERE epic_id = p_epic AND n = p_attempt;
    IF ended.result ->> 'ended_by' IS DISTINCT FROM 'done' THEN
        RETURN;
    END IF;
    SELECT * INTO failed FROM analyses WHERE epic_id = p_epic AND step = ended.step ORDER BY moment DESC LIMIT 1;
    IF NOT FOUND OR failed.worked IS NOT NULL OR failed.attempt >= p_attempt OR failed.analysis ->> 'type' = 'architecture_mismatch' THEN
        RETURN;
    END IF;
    IF failed.analysis ->> 'type' = 'tests_failing' AND NOT coalesce(
        CASE WHEN ended.step = 'review' THEN ended.result #>> '{output,verdict}' = 'passed' ELSE (ended.result #>> '{tests,passed}')::boolean END,
        false
    ) THEN
        RETURN;
    END IF;
    -- The attempt that was told of the failure: the one that went well, or one of an earlier step where the work began again.
    SELECT * INTO answered FROM attempts
    WHERE epic_id = p_epic AND n <= p_attempt AND configuration #>> '{answers,point}' = failed.analysis ->> 'point' ORDER BY n LIMIT 1;
    UPDATE analyses SET worked = jsonb_build_object(
        'step', ended.step,
        'attempt', p_attempt,
        'by', answered.n,
        -- Whoever was told of the failure, and those who mended the work until it was right.
        'said', left(coalesce((
            SELECT string_agg(t.result #>> '{output,summary}', E'\n' ORDER BY t.n) FROM attempts t
            WHERE t.epic_id = p_epic AND t.n BETWEEN coalesce(answered.n, p_attempt) AND p_attempt AND t.result ->> 'ended_by' = 'done'
                AND (t.n = coalesce(answered.n, p_attempt) OR t.step IN ('implement', 'fix', 'refactor'))
        ), ''), 1000),
        'changed', jsonb_path_query_array(
            coalesce(answered.changed, '[]'), '$[*] ? (@.field != "brief_hash" && @.field != "start_commit" && @.field != "answers")'
        )
    )
    WHERE epic_id = p_epic AND moment = failed.moment;
END
$$;
