-- What an attempt has of its own on a host: values that no other live attempt has, and what the setup command of its work tree said.

CREATE TABLE leased_values (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    -- Its row may not be there yet: the setup command runs with the values before the attempt is opened.
    attempt integer NOT NULL,
    -- The variable that the attempt's commands find the value in.
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('port', 'name')),
    value text NOT NULL,
    -- Where a port is a port: a host with its network, which a container may have of its own.
    network text NOT NULL,
    -- The machine of the process that leased it, as leases have it.
    host text NOT NULL,
    leased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (epic_id, attempt, name)
);
-- No two live attempts have the same, whatever a worker believes.
CREATE UNIQUE INDEX leased_ports ON leased_values (network, value) WHERE kind = 'port';
CREATE UNIQUE INDEX leased_names ON leased_values (value) WHERE kind = 'name';

-- {command, exit_code, timed_out, seconds, log} of the setup command in the attempt's work tree; the last run, where a crash led to another.
ALTER TABLE attempts ADD COLUMN setup jsonb;
