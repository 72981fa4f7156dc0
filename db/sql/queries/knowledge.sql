-- name: bound_knowledge
-- For this transaction: how long a statement may take, that plans are made for the values at hand, and that an index of vectors goes on
-- looking where what it found is of other projects.
SELECT
    set_config('statement_timeout', %(ms)s::text, true), set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
    set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '80', true);

-- name: lock_project
-- One episode at a time for each project: what replaces what, and entities of the same name, are decided one after the other.
SELECT id FROM known_projects WHERE id = %(project)s FOR NO KEY UPDATE;

-- name: lock_projects
-- Before all of one or of every project is thrown away: what is being added is there by then, or comes after.
SELECT id FROM known_projects WHERE %(project)s::integer IS NULL OR id = %(project)s::integer ORDER BY id FOR NO KEY UPDATE;

-- name: project_number
SELECT id FROM known_projects WHERE name = %(project)s;

-- name: add_knowledge_episode
INSERT INTO knowledge_episodes (project_id, shelf, key, title, source, happened_at)
VALUES (%(project)s, %(shelf)s, %(key)s, %(title)s, %(source)s, %(happened_at)s)
ON CONFLICT (project_id, key) DO NOTHING
RETURNING id;

-- name: add_knowledge_fact
-- Its project and its shelf are two more words of it: words with a blank inside, which no text has. With what is known already of when it ends: something newer may have replaced it, in whatever order the two are told.
INSERT INTO knowledge_facts (
    id, episode_id, project_id, shelf, text, subject, relation, object, replaces, valid_from, valid_to, ended_at, words
)
SELECT
    %(id)s, %(episode)s, %(project)s, %(shelf)s, %(text)s, %(subject)s::text, %(relation)s::text, %(object)s::text, %(replaces)s, %(valid_from)s,
    least(%(valid_to)s::timestamptz, later.starts), CASE WHEN later.starts IS NOT NULL THEN clock_timestamp() END,
    setweight(words_of(concat_ws(' ', %(title)s::text, %(subject)s::text, %(object)s::text)), 'A') || setweight(words_of(left(%(text)s::text, 100000)), 'B')
        || array_to_tsvector(ARRAY['project ' || %(project)s::integer, 'project ' || %(project)s::integer || ' ' || %(shelf)s::text])
FROM (
    SELECT min(o.valid_from) AS starts FROM knowledge_facts o
    WHERE o.project_id = %(project)s AND o.shelf = %(shelf)s AND o.subject = %(subject)s::text AND o.relation IS NOT DISTINCT FROM %(relation)s::text
        AND o.replaces AND o.valid_from > %(valid_from)s
) later
ON CONFLICT (id) DO NOTHING
RETURNING n;

-- name: end_replaced
-- What held before of the same subject and relation.
UPDATE knowledge_facts SET valid_to = %(valid_from)s, ended_at = clock_timestamp()
WHERE project_id = %(project)s AND shelf = %(shelf)s AND subject = %(subject)s AND relation IS NOT DISTINCT FROM %(relation)s::text
    AND n <> %(n)s AND valid_from <= %(valid_from)s AND (valid_to IS NULL OR valid_to > %(valid_from)s);

-- name: add_mentions
WITH named AS (
    INSERT INTO knowledge_entities (project_id, shelf, name) SELECT %(project)s, %(shelf)s, name FROM unnest(%(names)s::text[]) AS name
    ON CONFLICT (project_id, name, shelf) DO UPDATE SET name = excluded.name
    RETURNING id
)
INSERT INTO knowledge_mentions (entity_id, fact_n) SELECT id, %(n)s FROM named ON CONFLICT DO NOTHING;

-- name: lexemes_of
SELECT coalesce(array_agg(lexeme), '{}') AS lexemes FROM unnest(words_of(left(%(text)s::text, 8000)));

-- name: common_lexemes
-- How often words stand in facts, as the server's own statistics have it: those of all projects, and the commonest only.
SELECT
    coalesce((SELECT most_common_elems::text::text[] FROM pg_stats s
        WHERE s.schemaname = current_schema() AND s.tablename = 'knowledge_facts' AND s.attname = 'words'), '{}') AS words,
    coalesce((SELECT most_common_elem_freqs::float8[] FROM pg_stats s
        WHERE s.schemaname = current_schema() AND s.tablename = 'knowledge_facts' AND s.attname = 'words'), '{}') AS shares,
    (SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'knowledge_facts'::regclass) AS facts;

-- name: facts_by_all_words
-- As people search the web: all words, "phrases", or, -not. The newest of very many are ranked.
WITH fits AS MATERIALIZED (
    SELECT f.n, f.words FROM knowledge_facts f
    WHERE f.words @@ (%(scope)s::tsquery && websearch_to_tsquery('pg_catalog.english', left(%(text)s::text, 8000)))
        AND f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s)
        AND f.valid_from <= %(held_at)s::timestamptz AND (f.valid_to IS NULL OR f.valid_to > %(held_at)s::timestamptz)
    ORDER BY f.n DESC LIMIT %(ranked)s::integer
)
SELECT n FROM fits ORDER BY ts_rank(words, websearch_to_tsquery('pg_catalog.english', left(%(text)s::text, 8000)), 1) DESC, n DESC LIMIT %(most)s::integer;

-- name: facts_by_any_word
-- Any of the words that are not everywhere; ranked by all of them.
WITH fits AS MATERIALIZED (
    SELECT f.n, f.words FROM knowledge_facts f
    WHERE f.words @@ (%(scope)s::tsquery && %(rare)s::tsquery)
        AND f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s)
        AND f.valid_from <= %(held_at)s::timestamptz AND (f.valid_to IS NULL OR f.valid_to > %(held_at)s::timestamptz)
    ORDER BY f.n DESC LIMIT %(ranked)s::integer
)
SELECT n FROM fits ORDER BY ts_rank(words, %(any)s::tsquery, 1) DESC, n DESC LIMIT %(most)s::integer;

-- name: facts_by_vector
-- Something is always nearest; what is too far means something else.
SELECT n FROM nearest_facts(
    %(model)s::text, %(dimensions)s::integer, %(vector)s::text, %(project)s::integer, %(shelves)s::text[], %(held_at)s::timestamptz,
    %(most)s::integer
) WHERE away <= %(far)s;

-- name: facts_near
-- Those that name an entity, by its name or as some facts do (one step away), and those that name an entity together with them (two steps).
-- Of an entity that very many facts name, only the newest are looked at: it says little of what belongs together.
WITH start AS (
    SELECT e.id FROM knowledge_entities e
    WHERE e.project_id = %(project)s AND e.shelf = ANY (%(shelves)s) AND e.name = ANY (%(names)s::text[] || ARRAY(
        SELECT DISTINCT s.name FROM knowledge_mentions m JOIN knowledge_entities s ON s.id = m.entity_id
        WHERE m.fact_n = ANY (%(facts)s::bigint[]) AND s.project_id = %(project)s
    ))
), one AS (
    SELECT m.fact_n AS n, count(*) AS ties FROM start s
    CROSS JOIN LATERAL (SELECT fact_n FROM knowledge_mentions WHERE entity_id = s.id ORDER BY fact_n DESC LIMIT 50) m
    GROUP BY m.fact_n
), between AS (
    SELECT DISTINCT m.entity_id FROM one JOIN knowledge_mentions m ON m.fact_n = one.n
    WHERE %(steps)s::integer > 1 AND m.entity_id NOT IN (SELECT id FROM start) LIMIT 100
), two AS (
    SELECT m.fact_n AS n, count(*) AS ties FROM between b
    CROSS JOIN LATERAL (SELECT fact_n FROM knowledge_mentions WHERE entity_id = b.entity_id ORDER BY fact_n DESC LIMIT 20) m
    GROUP BY m.fact_n
), near AS (
    SELECT n, min(step) AS step, max(ties) AS ties FROM (
        SELECT n, 1 AS step, ties FROM one UNION ALL SELECT n, 2, ties FROM two
    ) both_steps GROUP BY n
)
SELECT f.n FROM near JOIN knowledge_facts f ON f.n = near.n
WHERE f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s)
    AND f.valid_from <= %(held_at)s::timestamptz AND (f.valid_to IS NULL OR f.valid_to > %(held_at)s::timestamptz)
ORDER BY near.step, near.ties DESC, f.n DESC LIMIT %(most)s::integer;

-- name: facts_by_number
SELECT
    f.n, f.id, f.shelf, f.text, f.subject, f.relation, f.object, f.valid_from, f.valid_to, f.recorded_at, f.ended_at,
    e.key, e.title, e.source
FROM knowledge_facts f JOIN knowledge_episodes e ON e.id = f.episode_id
WHERE f.n = ANY (%(facts)s) AND f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s);

-- name: list_facts
SELECT
    f.n, f.id, f.shelf, f.text, f.subject, f.relation, f.object, f.valid_from, f.valid_to, f.recorded_at, f.ended_at,
    e.key, e.title, e.source
FROM knowledge_facts f JOIN knowledge_episodes e ON e.id = f.episode_id
WHERE f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s)
    AND (%(held_at)s::timestamptz IS NULL OR (f.valid_from <= %(held_at)s::timestamptz AND (f.valid_to IS NULL OR f.valid_to > %(held_at)s::timestamptz)))
    AND (%(about)s::text IS NULL OR EXISTS (
        SELECT FROM knowledge_mentions m JOIN knowledge_entities t ON t.id = m.entity_id WHERE m.fact_n = f.n AND t.name = %(about)s::text
    ))
    AND (%(before)s::text IS NULL OR f.n < (SELECT o.n FROM knowledge_facts o WHERE o.id = %(before)s::text AND o.project_id = %(project)s::integer))
ORDER BY f.n DESC LIMIT %(limit)s::integer;

-- name: fact_by_id
SELECT
    f.n, f.id, f.shelf, f.text, f.subject, f.relation, f.object, f.valid_from, f.valid_to, f.recorded_at, f.ended_at,
    e.key, e.title, e.source
FROM knowledge_facts f JOIN knowledge_episodes e ON e.id = f.episode_id
WHERE f.id = %(fact)s AND f.project_id = %(project)s;

-- name: list_entities
SELECT e.name, e.shelf, count(*) AS facts FROM knowledge_entities e JOIN knowledge_mentions m ON m.entity_id = e.id
WHERE e.project_id = %(project)s AND e.shelf = ANY (%(shelves)s)
GROUP BY e.id ORDER BY facts DESC, e.name, e.shelf LIMIT %(limit)s::integer;

-- name: count_knowledge
SELECT
    (SELECT count(*) FROM knowledge_episodes WHERE (%(project)s::integer IS NULL OR project_id = %(project)s::integer) AND shelf = ANY (%(shelves)s)) AS episodes,
    (SELECT count(*) FROM knowledge_facts WHERE (%(project)s::integer IS NULL OR project_id = %(project)s::integer) AND shelf = ANY (%(shelves)s)) AS facts,
    (SELECT count(*) FROM knowledge_entities WHERE (%(project)s::integer IS NULL OR project_id = %(project)s::integer) AND shelf = ANY (%(shelves)s)) AS entities;

-- name: forget_facts
-- The facts, and what nothing is left of then. An episode without facts is one that was forgotten: each is told with one fact at least.
WITH gone AS (
    DELETE FROM knowledge_facts f USING knowledge_episodes e
    WHERE e.id = f.episode_id AND f.project_id = %(project)s AND f.shelf = ANY (%(shelves)s)
        AND (%(fact)s::text IS NULL OR f.id = %(fact)s::text) AND (%(episode)s::text IS NULL OR e.key = %(episode)s::text)
    RETURNING f.id, f.n, f.episode_id
)
SELECT coalesce(array_agg(id), '{}') AS ids, coalesce(array_agg(DISTINCT episode_id), '{}') AS episodes FROM gone;

-- name: drop_vectors
SELECT drop_vectors(%(facts)s);

-- name: drop_empty_episodes
DELETE FROM knowledge_episodes e
WHERE e.id = ANY (%(episodes)s) AND NOT EXISTS (SELECT FROM knowledge_facts f WHERE f.episode_id = e.id);

-- name: drop_unnamed_entities
DELETE FROM knowledge_entities e
WHERE e.project_id = %(project)s AND NOT EXISTS (SELECT FROM knowledge_mentions m WHERE m.entity_id = e.id);

-- name: wipe_knowledge
WITH vectors AS MATERIALIZED (
    SELECT drop_vectors(ARRAY(SELECT id FROM knowledge_facts WHERE %(project)s::integer IS NULL OR project_id = %(project)s::integer))
), entities AS (
    DELETE FROM knowledge_entities WHERE %(project)s::integer IS NULL OR project_id = %(project)s
)
DELETE FROM knowledge_episodes WHERE (%(project)s::integer IS NULL OR project_id = %(project)s::integer) AND (SELECT count(*) FROM vectors) = 1;

-- name: prepare_vectors
SELECT prepare_vectors(%(model)s::text, %(dimensions)s::integer) AS problem;

-- name: keep_vector
-- Who forgets the fact meanwhile waits, and finds its vector.
INSERT INTO genie_vectors.of_facts (fact, model, project_id, shelf, embedding)
SELECT f.id, %(model)s, f.project_id, f.shelf, %(vector)s::halfvec FROM knowledge_facts f WHERE f.id = %(fact)s FOR KEY SHARE OF f
ON CONFLICT (model, fact) DO NOTHING;

-- name: facts_without_vector
SELECT f.id, f.text, f.subject, f.object FROM knowledge_facts f
WHERE NOT EXISTS (SELECT FROM genie_vectors.of_facts v WHERE v.model = %(model)s AND v.fact = f.id)
ORDER BY f.n DESC LIMIT %(most)s::integer;
