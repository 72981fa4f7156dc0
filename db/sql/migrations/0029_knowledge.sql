-- What past work taught (docs/decisions/0022). `episodes` is a record of work like any other: what was told, and whether the store has it. The
-- tables knowledge_* are the store, where that is PostgreSQL: all in them can be thrown away and made anew from `episodes`.

-- The projects that something is known of, by the names of their repositories; a short number stands for a long name in each index.
CREATE TABLE known_projects (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE episodes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL REFERENCES known_projects (id),
    -- What makes it the same episode, however often it is told.
    key text NOT NULL,
    shelf text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    happened_at timestamptz NOT NULL,
    source jsonb NOT NULL,
    facts jsonb NOT NULL DEFAULT '[]',
    -- dead: given up for now, a person can have it tried again. refused: forgotten, and empty; its key keeps it from coming back.
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'stored', 'dead', 'refused')),
    tries integer NOT NULL DEFAULT 0,
    first_tried_at timestamptz,
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claim uuid,
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    -- The store may have other words under its key, which go first: it was forgotten, or told anew.
    stale boolean NOT NULL DEFAULT false,
    problem text,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stored_at timestamptz,
    UNIQUE (project_id, key)
) WITH (fillfactor = 80);
CREATE INDEX episodes_due ON episodes (next_try_at, id) WHERE state = 'queued' OR (state = 'refused' AND stale);
CREATE INDEX episodes_waiting ON episodes (project_id) WHERE state = 'queued';
CREATE INDEX episodes_dead ON episodes (id) WHERE state = 'dead';

CREATE TABLE knowledge_episodes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL REFERENCES known_projects (id),
    shelf text NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    source jsonb NOT NULL,
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (project_id, key)
);

CREATE TABLE knowledge_facts (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Made of what it says and where that was told: the same after a rebuild, and never that of another text.
    id text NOT NULL UNIQUE,
    episode_id bigint NOT NULL REFERENCES knowledge_episodes (id) ON DELETE CASCADE,
    project_id integer NOT NULL REFERENCES known_projects (id),
    shelf text NOT NULL,
    text text NOT NULL,
    subject text,
    relation text,
    object text,
    replaces boolean NOT NULL DEFAULT false,
    -- In the world, and in what Genie knows.
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    -- Its words, and as two more of them its project and its shelf: so one index finds words within a project, without another extension.
    words tsvector NOT NULL
);
-- Without a list of what is pending: a search would have to read all of it.
CREATE INDEX knowledge_facts_words ON knowledge_facts USING gin (words) WITH (fastupdate = off);
CREATE INDEX knowledge_facts_newest ON knowledge_facts (project_id, n DESC);
CREATE INDEX knowledge_facts_of_episode ON knowledge_facts (episode_id);
CREATE INDEX knowledge_facts_replaced ON knowledge_facts (project_id, shelf, subject, relation) WHERE subject IS NOT NULL;

CREATE TABLE knowledge_entities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL REFERENCES known_projects (id),
    shelf text NOT NULL,
    name text NOT NULL,
    UNIQUE (project_id, name, shelf)
);

-- The edges of the graph: which facts name which entities.
CREATE TABLE knowledge_mentions (
    entity_id bigint NOT NULL REFERENCES knowledge_entities (id) ON DELETE CASCADE,
    fact_n bigint NOT NULL REFERENCES knowledge_facts (n) ON DELETE CASCADE,
    PRIMARY KEY (entity_id, fact_n)
);
CREATE INDEX knowledge_mentions_of_fact ON knowledge_mentions (fact_n);

-- The words of a text as they are searched: as they stand, and once more without the signs that join them in paths and names.
CREATE FUNCTION words_of(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.english', said) || to_tsvector('pg_catalog.english', translate(said, './:\-_=@#()[]{}<>"''`,', repeat(' ', 21)))
$$;

-- Vectors stand in a schema of their own, which no backup takes along: they can be made anew, and another server may lack the extension.
-- Says what keeps a model's vectors from being kept here, or NULL when they can be. No lock is taken where all is there already.
CREATE FUNCTION prepare_vectors(model text, dimensions integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    index_name text := 'of_facts_' || substr(md5(model || ' ' || dimensions), 1, 16);
BEGIN
    IF to_regclass('genie_vectors.' || index_name) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('genie_vectors'));
    IF to_regtype('halfvec') IS NULL THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS vector;
        EXCEPTION WHEN OTHERS THEN
            RETURN 'the extension vector (0.7 or later) is not there and cannot be made: ' || SQLERRM;
        END;
        IF to_regtype('halfvec') IS NULL THEN
            RETURN 'the extension vector is older than 0.7, and has no halfvec';
        END IF;
    END IF;
    BEGIN
        CREATE SCHEMA IF NOT EXISTS genie_vectors;
        EXECUTE 'CREATE TABLE IF NOT EXISTS genie_vectors.of_facts (
            fact text NOT NULL, model text NOT NULL, project_id integer NOT NULL, shelf text NOT NULL,
            embedding halfvec NOT NULL, PRIMARY KEY (model, fact))';
        -- Beside the row, and not in a table of its own: a vector is read whenever its row is.
        EXECUTE 'ALTER TABLE genie_vectors.of_facts ALTER embedding SET STORAGE PLAIN';
        EXECUTE 'CREATE INDEX IF NOT EXISTS of_facts_of_project ON genie_vectors.of_facts (model, project_id)';
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON genie_vectors.of_facts USING hnsw ((embedding::halfvec(%s)) halfvec_cosine_ops) WHERE model = %L',
            index_name, dimensions, model || ' ' || dimensions
        );
    EXCEPTION WHEN OTHERS THEN
        RETURN 'the index of vectors cannot be made: ' || SQLERRM;
    END;
    RETURN NULL;
END
$$;

-- The facts whose vectors are nearest to one, nearest first, among those of a project and shelves that hold at a time. A project with few
-- vectors is searched through: the index knows nothing of projects, and would pass by all the others first.
CREATE FUNCTION nearest_facts(model text, dimensions integer, sought text, project integer, shelves text[], held_at timestamptz, most integer)
RETURNS TABLE (n bigint, away double precision) LANGUAGE plpgsql STABLE AS $$
DECLARE
    few boolean;
BEGIN
    EXECUTE 'SELECT count(*) <= 4000 FROM (SELECT FROM genie_vectors.of_facts v WHERE v.model = $1 AND v.project_id = $2 LIMIT 4001) AS counted'
        INTO few USING model || ' ' || dimensions, project;
    IF few THEN
        RETURN QUERY EXECUTE format(
            'WITH mine AS MATERIALIZED (
                SELECT f.n, v.embedding::halfvec(%1$s) <=> $1::halfvec(%1$s) AS away
                FROM genie_vectors.of_facts v JOIN knowledge_facts f ON f.id = v.fact
                WHERE v.model = %2$L AND v.project_id = $2 AND f.project_id = $2 AND f.shelf = ANY ($3)
                    AND f.valid_from <= $4 AND (f.valid_to IS NULL OR f.valid_to > $4)
            ) SELECT mine.n, mine.away FROM mine ORDER BY mine.away, mine.n LIMIT $5',
            dimensions, model || ' ' || dimensions
        ) USING sought, project, shelves, held_at, most;
    ELSE
        -- What the index gives is nearly in order; the outer query puts it into order.
        RETURN QUERY EXECUTE format(
            'WITH near AS MATERIALIZED (
                SELECT f.n, v.embedding::halfvec(%1$s) <=> $1::halfvec(%1$s) AS away
                FROM genie_vectors.of_facts v JOIN knowledge_facts f ON f.id = v.fact
                WHERE v.model = %2$L AND v.project_id = $2 AND v.shelf = ANY ($3) AND f.project_id = $2 AND f.shelf = ANY ($3)
                    AND f.valid_from <= $4 AND (f.valid_to IS NULL OR f.valid_to > $4)
                ORDER BY v.embedding::halfvec(%1$s) <=> $1::halfvec(%1$s) LIMIT $5
            ) SELECT near.n, near.away FROM near ORDER BY near.away, near.n',
            dimensions, model || ' ' || dimensions
        ) USING sought, project, shelves, held_at, most;
    END IF;
END
$$;

-- Takes the vectors of facts that are gone out too, whichever model made them.
CREATE FUNCTION drop_vectors(facts text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('genie_vectors.of_facts') IS NOT NULL THEN
        EXECUTE 'DELETE FROM genie_vectors.of_facts v WHERE v.fact = ANY ($1)' USING facts;
    END IF;
END
$$;
