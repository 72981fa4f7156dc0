-- Workers take turns at a provider that only lets so many calls through with one key.
-- Not logged: what a crash of the server takes away is a wait of some seconds, and every call comes through here.

CREATE UNLOGGED TABLE provider_turns (
    -- What stands for the key; the key itself is in no row.
    provider_key text PRIMARY KEY,
    -- The end of the time for which calls were let through: each adds its share of a minute.
    due_at timestamptz NOT NULL,
    -- The provider asked for no call before.
    silent_until timestamptz NOT NULL DEFAULT '-infinity'
);

-- Take the next turn of a key, and say how many seconds it is away. A tenth of a minute's calls may come at once; beyond that they are
-- spread evenly, and whoever asked first is let through first. Without a limit only what the provider asked for counts.
CREATE FUNCTION take_provider_turn(p_key text, p_per_minute integer) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    share interval;
    at_once integer;
    turn record;
BEGIN
    IF p_per_minute IS NULL THEN
        RETURN provider_silence(p_key);
    END IF;
    share := interval '1 minute' / p_per_minute;
    at_once := greatest(p_per_minute / 10, 1);
    INSERT INTO provider_turns AS t (provider_key, due_at)
    VALUES (p_key, at + share)
    ON CONFLICT (provider_key) DO UPDATE SET due_at = greatest(t.due_at, at, t.silent_until) + share
    RETURNING t.due_at, t.silent_until INTO turn;
    RETURN extract(epoch FROM greatest(turn.due_at - share * at_once, turn.silent_until, at) - at);
END
$$;

-- How many seconds the provider wants to hear nothing with a key.
CREATE FUNCTION provider_silence(p_key text) RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT extract(epoch FROM greatest(t.silent_until, clock_timestamp()) - clock_timestamp())
         FROM provider_turns t WHERE t.provider_key = p_key),
        0
    )::double precision
$$;

-- The provider asked for silence; the longest that it asked for counts.
CREATE FUNCTION ask_provider_silence(p_key text, p_seconds double precision) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO provider_turns AS t (provider_key, due_at, silent_until)
    VALUES (p_key, clock_timestamp(), clock_timestamp() + make_interval(secs => p_seconds))
    ON CONFLICT (provider_key) DO UPDATE SET silent_until = greatest(t.silent_until, excluded.silent_until)
$$;

-- Reserve a call under the fence, in one statement: every call of a model waits for it. The lease's row is locked before those of the limits.
CREATE FUNCTION reserve_under_lease(
    p_epic text, p_epoch bigint, p_token uuid, p_attempt integer, p_model text, p_input_usd numeric, p_output_usd numeric, p_wish integer,
    p_floor integer,
    OUT call_id bigint, OUT max_tokens integer, OUT scope text, OUT limit_usd numeric, OUT spent_usd numeric, OUT needed_usd numeric
)
LANGUAGE plpgsql AS $$
DECLARE
    given record;
BEGIN
    PERFORM assert_lease(p_epic, p_epoch, p_token);
    SELECT * INTO given FROM reserve_call(p_epic, p_attempt, p_model, p_input_usd, p_output_usd, p_wish, p_floor);
    call_id := given.call_id;
    max_tokens := given.max_tokens;
    scope := given.scope;
    limit_usd := given.limit_usd;
    spent_usd := given.spent_usd;
    needed_usd := given.needed_usd;
END
$$;
