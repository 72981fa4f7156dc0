-- Who did what: rows that are only ever added, each with a hash over itself and the hash of the row before (docs/decisions/0013).

CREATE TABLE audit (
    -- Without gaps: a number that is missing is a row that somebody took away. No sequence, since those leave gaps where a deed is undone.
    n bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    -- Who, by what channel, known by what, from where.
    person text NOT NULL,
    channel text NOT NULL,
    via text NOT NULL,
    address text NOT NULL,
    -- What was done, to a thing of which kind, and which one. No foreign keys: the audit outlives all that it tells of.
    deed text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    epic text NOT NULL,
    repo text NOT NULL,
    -- What was on the table, for a decision: that of its approval.
    content_hash text NOT NULL,
    answer text NOT NULL,
    refused boolean NOT NULL,
    -- json and not jsonb: it keeps its text as it was written, and the text is what is hashed.
    data json NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE INDEX audit_by_person ON audit (person, n);
CREATE INDEX audit_by_epic ON audit (epic, n) WHERE epic <> '';
CREATE INDEX audit_by_content ON audit (content_hash) WHERE content_hash <> '';
CREATE INDEX audit_by_time ON audit USING brin (at);

-- The last row's number and hash. Its lock is what keeps the chain one chain: whoever adds a row holds it until the end of the transaction,
-- so it is the last lock that a transaction takes.
CREATE TABLE audit_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 50);
INSERT INTO audit_head (n, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- What is hashed: the form's name, then each field as a netstring (its length in bytes, a colon, its text in UTF-8, a comma), so that no
-- text can pass for the end of one field and the begin of another. epics/audit.py has it byte for byte the same.
CREATE FUNCTION audit_text(a audit) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT E'genie audit 1\n' || string_agg(octet_length(convert_to(t.field, 'UTF8')) || ':' || t.field || ',', '' ORDER BY t.place)
    FROM unnest(ARRAY[
        a.n::text, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), a.person, a.channel, a.via, a.address, a.deed, a.kind,
        a.subject, a.epic, a.repo, a.content_hash, a.answer, CASE WHEN a.refused THEN 'refused' ELSE '' END, a.data::text,
        encode(a.previous, 'hex')
    ]) WITH ORDINALITY AS t (field, place)
$$;

-- Add a row under the lock of the head; its number. `data` comes as text.
CREATE FUNCTION append_audit(p jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
    a audit;
BEGIN
    -- What is else checked at the end of the transaction takes its locks then, and those come before the head's.
    SET CONSTRAINTS ALL IMMEDIATE;
    SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
    a.n := head.n + 1;
    -- The clock and not the begin of the transaction: time goes the way of the numbers.
    a.at := clock_timestamp();
    a.person := p ->> 'person';
    a.channel := p ->> 'channel';
    a.via := p ->> 'via';
    a.address := p ->> 'address';
    a.deed := p ->> 'deed';
    a.kind := p ->> 'kind';
    a.subject := p ->> 'subject';
    a.epic := p ->> 'epic';
    -- Where only the epic is named, its repository is known.
    a.repo := coalesce(nullif(p ->> 'repo', ''), (SELECT e.repo FROM epics e WHERE e.id = p ->> 'epic'), '');
    a.content_hash := p ->> 'content_hash';
    a.answer := p ->> 'answer';
    a.refused := (p ->> 'refused')::boolean;
    a.data := (p ->> 'data')::json;
    a.previous := head.hash;
    a.hash := sha256(convert_to(audit_text(a), 'UTF8'));
    INSERT INTO audit VALUES (a.*);
    UPDATE audit_head SET n = a.n, hash = a.hash;
    RETURN a.n;
END
$$;

-- Mistakes are stopped here; who owns the database can take the triggers away, and is found by `genie audit verify`.
CREATE FUNCTION refuse_to_change_audit() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only ever added to: no % of %', TG_OP, TG_TABLE_NAME USING ERRCODE = '23001';
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit();
CREATE TRIGGER audit_head_stays BEFORE INSERT OR DELETE OR TRUNCATE ON audit_head
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_audit();

-- A row goes in behind the head, with the right hash, or not at all.
CREATE FUNCTION check_audit_row() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_head h WHERE NEW.n = h.n + 1 AND NEW.previous = h.hash)
        OR NEW.hash IS DISTINCT FROM sha256(convert_to(audit_text(NEW), 'UTF8'))
    THEN
        RAISE EXCEPTION 'row % does not go on from the end of the audit: add it by append_audit()', NEW.n USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_grows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION check_audit_row();

-- The head moves by one, to the row that was added behind it.
CREATE FUNCTION check_audit_head() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.n <> OLD.n + 1 OR NOT EXISTS (SELECT 1 FROM audit a WHERE a.n = NEW.n AND a.previous = OLD.hash AND a.hash = NEW.hash) THEN
        RAISE EXCEPTION 'the head of the audit cannot be set to %', NEW.n USING ERRCODE = '23001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_head_follows BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION check_audit_head();

-- As before, and: what a person did by this checkpoint is told behind all that it writes. The checkpoints of steps have no such row.
CREATE OR REPLACE FUNCTION put_checkpoint(
    p_thread text, p_epoch bigint, p_token uuid, p_ns text, p_id text, p_parent text, p_checkpoint jsonb, p_metadata jsonb,
    blob_channels text[], blob_versions text[], blob_types text[], blob_values bytea[],
    write_checkpoints text[], write_tasks text[], write_paths text[], write_places integer[], write_channels text[], write_types text[],
    write_values bytea[],
    p_rows jsonb
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM assert_lease(p_thread, p_epoch, p_token);
    IF cardinality(write_tasks) > 0 THEN
        INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
        SELECT p_thread, p_ns, w.* FROM unnest(
            write_checkpoints, write_tasks, write_paths, write_places, write_channels, write_types, write_values
        ) AS w
        ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING;
    END IF;
    IF cardinality(blob_channels) > 0 THEN
        INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
        SELECT p_thread, p_ns, b.* FROM unnest(blob_channels, blob_versions, blob_types, blob_values) AS b
        ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING;
    END IF;
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    VALUES (p_thread, p_ns, p_id, p_parent, p_checkpoint, p_metadata)
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = excluded.checkpoint, metadata = excluded.metadata;
    IF p_rows IS NOT NULL THEN
        PERFORM project_checkpoint(p_thread, p_id, p_rows);
        IF p_rows ? 'audit' THEN
            PERFORM append_audit(p_rows -> 'audit');
        END IF;
    END IF;
END
$$;
