-- Who asks how often, and lists that show only the repositories that the caller may read.

-- How often a key, or an address that shows none that holds, has asked. Not logged: what a crash of the server takes away is a minute's
-- count, and every request comes through here. The room left in a page lets its updates stay there.
CREATE UNLOGGED TABLE request_turns (
    -- What stands for a key or an address.
    bucket text PRIMARY KEY,
    -- The end of the time for which requests were let through: each adds its share of a minute.
    due_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Take a turn of a bucket, if it has one: so many at once, and beyond that its share of each minute. One that is refused takes nothing, so
-- whoever keeps asking is let through as often as whoever waits. The seconds are those until there is a turn again, and until all are back.
CREATE FUNCTION take_request_turn(
    p_bucket text, p_per_minute integer, p_at_once integer,
    OUT allowed boolean, OUT remaining integer, OUT retry_after_s double precision, OUT full_after_s double precision
)
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    share interval := interval '1 minute' / p_per_minute;
    due timestamptz;
BEGIN
    INSERT INTO request_turns AS t (bucket, due_at) VALUES (p_bucket, at + share)
    ON CONFLICT (bucket) DO UPDATE SET due_at = greatest(t.due_at, at) + share
    WHERE greatest(t.due_at, at) + share <= at + share * p_at_once
    RETURNING t.due_at INTO due;
    allowed := due IS NOT NULL;
    IF NOT allowed THEN
        SELECT t.due_at INTO due FROM request_turns t WHERE t.bucket = p_bucket;
    END IF;
    full_after_s := greatest(extract(epoch FROM due - at), 0);
    remaining := greatest(floor(p_at_once - full_after_s / extract(epoch FROM share) + 0.001), 0);
    retry_after_s := CASE WHEN allowed THEN 0 ELSE greatest(extract(epoch FROM due + share - at - share * p_at_once), 0) END;
END
$$;

-- Whether a repository fits one of these patterns: pairs of what it begins with, and of an expression for the whole of it. What it begins
-- with is looked at first: the database keeps a few dozen expressions compiled, and compiling them is what takes the time.
CREATE FUNCTION fits(p_repo text, p_patterns text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT EXISTS (
        SELECT FROM generate_subscripts(p_patterns, 1) AS i
        WHERE CASE WHEN starts_with(p_repo, p_patterns[i][1]) THEN p_repo ~ p_patterns[i][2] ELSE false END
    )
$$;

-- The repositories of epics and runs that fit one of these patterns; each name is looked at once, however many epics it has.
CREATE FUNCTION repositories_that_fit(p_patterns text[]) RETURNS text[]
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE pattern AS MATERIALIZED (
        SELECT p_patterns[i][1] AS beginning, p_patterns[i][2] AS whole FROM generate_subscripts(p_patterns, 1) AS i
    ), named AS (
        (SELECT e.repo FROM epics e ORDER BY e.repo LIMIT 1)
        UNION ALL
        SELECT (SELECT e.repo FROM epics e WHERE e.repo > n.repo ORDER BY e.repo LIMIT 1) FROM named n WHERE n.repo IS NOT NULL
    )
    SELECT coalesce(array_agg(n.repo), '{}') FROM named n WHERE EXISTS (
        SELECT FROM pattern p WHERE CASE WHEN starts_with(n.repo, p.beginning) THEN n.repo ~ p.whole ELSE false END
    )
$$;

-- As before, of the repositories that fit one of the patterns; NULL stands for all of them.
CREATE FUNCTION page_of_epics(p_status text, p_repo text, p_before text, p_limit integer, p_patterns text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 50 AS $$
DECLARE
    bound text := coalesce(p_before, 'e-zzzzzzzzzzz');
    repos text[] := CASE WHEN p_patterns IS NOT NULL THEN repositories_that_fit(p_patterns) END;
BEGIN
    IF p_status = 'running' THEN
        RETURN QUERY
        SELECT e.id FROM leases l JOIN epics e ON e.id = l.thread_id
        WHERE l.token IS NOT NULL AND l.expires_at > clock_timestamp() AND e.status = 'queued'
            AND (p_repo IS NULL OR e.repo = p_repo) AND (repos IS NULL OR e.repo = ANY (repos)) AND e.id < bound
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_status = 'queued' THEN
        RETURN QUERY
        SELECT e.id FROM epics e
        WHERE e.status = 'queued' AND (p_repo IS NULL OR e.repo = p_repo) AND (repos IS NULL OR e.repo = ANY (repos)) AND e.id < bound
            AND NOT EXISTS (
                SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
            )
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_status IS NOT NULL THEN
        RETURN QUERY
        SELECT e.id FROM epics e
        WHERE e.status = p_status AND (p_repo IS NULL OR e.repo = p_repo) AND (repos IS NULL OR e.repo = ANY (repos)) AND e.id < bound
        ORDER BY e.id DESC LIMIT p_limit;
    ELSIF p_repo IS NOT NULL THEN
        RETURN QUERY
        SELECT e.id FROM epics e
        WHERE e.repo = p_repo AND (repos IS NULL OR e.repo = ANY (repos)) AND e.id < bound
        ORDER BY e.id DESC LIMIT p_limit;
    ELSE
        RETURN QUERY
        SELECT e.id FROM epics e WHERE (repos IS NULL OR e.repo = ANY (repos)) AND e.id < bound ORDER BY e.id DESC LIMIT p_limit;
    END IF;
END
$$;

-- What servers of older releases call, whose callers may read all.
CREATE OR REPLACE FUNCTION page_of_epics(p_status text, p_repo text, p_before text, p_limit integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 50 AS $$
BEGIN
    RETURN QUERY SELECT page_of_epics(p_status, p_repo, p_before, p_limit, NULL);
END
$$;

CREATE FUNCTION page_of_runs(
    p_status text, p_repo text, p_workflow text, p_before text, p_limit integer, p_patterns text[]
) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 50 AS $$
DECLARE
    repos text[] := CASE WHEN p_patterns IS NOT NULL THEN repositories_that_fit(p_patterns) END;
BEGIN
    RETURN QUERY
    SELECT e.id FROM epics e
    WHERE e.id >= 'r-' AND e.id < coalesce(p_before, 'r-zzzzzzzzzzz')
        AND (p_status IS NULL OR e.status = CASE WHEN p_status = 'running' THEN 'queued' ELSE p_status END)
        AND (p_status IS NULL OR p_status NOT IN ('running', 'queued') OR (p_status = 'running') = EXISTS (
            SELECT FROM leases l WHERE l.thread_id = e.id AND l.token IS NOT NULL AND l.expires_at > clock_timestamp()
        ))
        AND (p_repo IS NULL OR e.repo = p_repo)
        AND (repos IS NULL OR e.repo = ANY (repos))
        AND (p_workflow IS NULL OR EXISTS (SELECT FROM runs r WHERE r.id = e.id AND r.workflow = p_workflow))
    ORDER BY e.id DESC LIMIT p_limit;
END
$$;
