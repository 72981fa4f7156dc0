-- Effects: deeds on the outside world, by what they do; and which release's graph and state an epic has.

-- One row per deed and generation. The key is made of the content (what, where, which commit), never of the step: a node that is run again
-- finds its own row. An undo ends a generation; the deed may be done again then, in the next one (durability rule 19).
CREATE TABLE effects (
    key text NOT NULL,
    generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
    kind text NOT NULL CHECK (kind IN ('publish', 'pull_request', 'merge')),
    -- What the key was made of, for people.
    content jsonb NOT NULL,
    -- intended: written before the deed. done: it was seen in the world. undone: a rollback took it back.
    -- unknown: it may have been done, and the world could not be asked.
    state text NOT NULL DEFAULT 'intended' CHECK (state IN ('intended', 'done', 'undone', 'unknown')),
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    -- Where the epic was: the number of its newest moment, and of its newest attempt.
    moment integer,
    attempt integer,
    -- What was seen in the world last: that it was there already, or what the deed gave, or why it was refused.
    found jsonb NOT NULL DEFAULT '{}',
    intended_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (key, generation)
);
CREATE INDEX effects_by_epic ON effects (epic_id, intended_at);

-- Write the intent of a deed, and tell what was known of it before: no state means that nobody ever meant to do it, or that it was undone.
-- The rows of one key are taken one after the other, so that two epics that mean the same deed do not open two generations.
CREATE FUNCTION intend_effect(
    p_epic text, p_key text, p_kind text, p_content jsonb, OUT generation integer, OUT state text, OUT seen jsonb
)
LANGUAGE plpgsql AS $$
DECLARE
    newest effects;
    this_moment integer;
    this_attempt integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_key, 19));
    SELECT e.moment, e.attempt INTO this_moment, this_attempt FROM epics e WHERE e.id = p_epic;
    SELECT * INTO newest FROM effects f WHERE f.key = p_key ORDER BY f.generation DESC LIMIT 1;
    IF newest.key IS NULL OR newest.state = 'undone' THEN
        generation := coalesce(newest.generation, 0) + 1;
        INSERT INTO effects (key, generation, kind, content, epic_id, moment, attempt)
        VALUES (p_key, generation, p_kind, p_content, p_epic, this_moment, this_attempt);
        RETURN;
    END IF;
    generation := newest.generation;
    state := newest.state;
    seen := newest.found;
    IF newest.state <> 'done' THEN
        UPDATE effects f SET state = 'intended', found = '{}', epic_id = p_epic, moment = this_moment, attempt = this_attempt
        WHERE f.key = p_key AND f.generation = newest.generation;
    END IF;
END
$$;

-- The pull request record is a deed inside of this database: the row that a checkpoint writes is the deed itself, and its record is made in
-- the same transaction. The key is that of epics/effects.py.
CREATE FUNCTION record_pull_request() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    said jsonb;
    name text;
    known effects;
    epic epics;
BEGIN
    SELECT * INTO epic FROM epics WHERE id = NEW.epic_id;
    said := jsonb_build_array(
        epic.repo, NEW.record ->> 'branch', NEW.record ->> 'base', NEW.record ->> 'head', NEW.record ->> 'title'
    );
    name := 'pull_request:' || encode(sha256(convert_to(said::text, 'UTF8')), 'hex');
    SELECT * INTO known FROM effects WHERE key = name ORDER BY generation DESC LIMIT 1;
    IF known.key IS NULL OR known.state = 'undone' THEN
        INSERT INTO effects (key, generation, kind, content, state, epic_id, moment, attempt, found, ended_at)
        VALUES (
            name, coalesce(known.generation, 0) + 1, 'pull_request', said, 'done', NEW.epic_id, epic.moment, epic.attempt,
            jsonb_build_object('how', 'done', 'commit', NEW.record ->> 'head'), now()
        );
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER pull_request_recorded AFTER INSERT OR UPDATE ON pull_requests FOR EACH ROW EXECUTE FUNCTION record_pull_request();

-- Which fields the checkpoints of the epic have; raised before a newer release writes its first checkpoint, so that older ones keep off.
ALTER TABLE epics ADD COLUMN state_version integer NOT NULL DEFAULT 1;
-- What no release can carry on is found by one look at this.
CREATE INDEX epics_unended ON epics (graph_version, state_version, step) WHERE status IN ('queued', 'waiting', 'paused');

-- What became of an attempt that a crash cut off: {on_crash, turn, did: went_on | parked, why, tools}.
ALTER TABLE attempts ADD COLUMN recovery jsonb;
