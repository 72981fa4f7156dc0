-- What people say to an agent at work. It is told in the request of a turn, and counts as told when that turn's answer is recorded.

CREATE TABLE sayings (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    n integer NOT NULL,
    text text NOT NULL CHECK (text <> ''),
    said_by text NOT NULL,
    channel text NOT NULL,
    said_at timestamptz NOT NULL DEFAULT now(),
    attempt integer,
    turn integer,
    told_at timestamptz,
    PRIMARY KEY (epic_id, n)
);
CREATE INDEX sayings_untold ON sayings (epic_id, n) WHERE told_at IS NULL;
