-- What people did in Slack and what leads to a deed (docs/decisions/0019): kept before Slack is told that it came, since Slack does not send it again.
CREATE TABLE slack_inbox (
    -- How one click, form, message or command is known, however often it is delivered.
    key text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('click', 'form', 'mention', 'command')),
    -- Who did what, sealed if there is a key; empty once it is done.
    payload text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Until when somebody is at it, or it is to be left alone. A claim ends by itself, on the clock of the database.
    claimed_until timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    done_at timestamptz,
    -- It was given up.
    dead_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX slack_inbox_open ON slack_inbox (claimed_until) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX slack_inbox_by_age ON slack_inbox (received_at);
