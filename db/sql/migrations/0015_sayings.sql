-- What people say to an agent at work. It is told in the request of a turn, and counts as told when that turn's answer is recorded.

CREATE TABLE sayings (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    n integer NOT NULL,
    text text NOT NULL CHECK (text <> ''),
    said_by text NOT NULL,
    channel text NOT NULL,
    said_at timestamptz NOT NULL DEFAULT now(),
    attempt integer,
    -- Null where the brief of the attempt tells it.
    turn integer,
    told_at timestamptz,
    -- The number under which it was told, where another epic told it under one that is taken here.
    told_as integer,
    PRIMARY KEY (epic_id, n)
);
CREATE INDEX sayings_untold ON sayings (epic_id, n) WHERE told_at IS NULL;

-- As before, and: a fork has what its attempts were told, since it stands in their requests. What nobody was told yet was said to the source.
ALTER FUNCTION begin_fork(text, text, text, jsonb) RENAME TO begin_fork_of_work;
CREATE FUNCTION begin_fork(p_epic text, p_head text, p_base text, f jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM begin_fork_of_work(p_epic, p_head, p_base, f);
    INSERT INTO sayings (epic_id, n, text, said_by, channel, said_at, attempt, turn, told_at, told_as)
    SELECT p_epic, s.n, s.text, s.said_by, s.channel, s.said_at, s.attempt, s.turn, s.told_at, s.told_as
    FROM sayings s JOIN attempts a ON a.epic_id = p_epic AND a.n = s.attempt
    WHERE s.epic_id = f ->> 'source';
END
$$;

-- As before, and: with the attempts of the entry that is picked comes what they were told, under numbers that are free.
ALTER FUNCTION take_entry(text, jsonb) RENAME TO take_work_of_entry;
CREATE FUNCTION take_entry(p_epic text, k jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM take_work_of_entry(p_epic, k);
    INSERT INTO sayings (epic_id, n, text, said_by, channel, said_at, attempt, turn, told_at, told_as)
    SELECT p_epic, (SELECT coalesce(max(o.n), 0) FROM sayings o WHERE o.epic_id = p_epic) + row_number() OVER (ORDER BY s.n),
        s.text, s.said_by, s.channel, s.said_at, s.attempt, s.turn, s.told_at, coalesce(s.told_as, s.n)
    FROM sayings s JOIN races r ON r.epic_id = p_epic AND s.attempt = ANY (r.taken)
    WHERE s.epic_id = k ->> 'fork';
END
$$;
