-- What epics add to git, kept beside their rows: the database and the repository's URL are enough for any host to go on with an epic.

-- A commit that a moment or a turn names. `data` is a thin git pack: with the commits that it needs it gives all of the commit's history.
-- Without data, the commit is on the base branch of the project's repository, where every host fetches it.
CREATE TABLE packs (
    project_id bigint NOT NULL REFERENCES projects (id),
    commit text NOT NULL,
    data bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, commit)
);
-- Git has compressed them already.
ALTER TABLE packs ALTER COLUMN data SET STORAGE EXTERNAL;

-- What a pack is thin against. The needed one stays for as long as it is needed.
CREATE TABLE pack_needs (
    project_id bigint NOT NULL,
    commit text NOT NULL,
    needs text NOT NULL,
    PRIMARY KEY (project_id, commit, needs),
    FOREIGN KEY (project_id, commit) REFERENCES packs (project_id, commit) ON DELETE CASCADE,
    FOREIGN KEY (project_id, needs) REFERENCES packs (project_id, commit)
);
CREATE INDEX pack_needs_by_need ON pack_needs (project_id, needs);

-- Which epic holds which packs: from before a row names the commit until nothing of the epic does.
CREATE TABLE epic_packs (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    commit text NOT NULL,
    project_id bigint NOT NULL,
    -- In which order the epic came to hold them.
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (epic_id, commit),
    FOREIGN KEY (project_id, commit) REFERENCES packs (project_id, commit)
);
CREATE INDEX epic_packs_by_pack ON epic_packs (project_id, commit);

-- From its first run on an epic holds packs, and then a moment or a turn can only name a commit that it holds: the reference is set by the
-- database, and a checkpoint whose commit is in no pack is refused. Deferred, since an epic is deleted with all its rows in one statement.
ALTER TABLE moments ADD COLUMN pack text,
    ADD CONSTRAINT moments_pack FOREIGN KEY (epic_id, pack) REFERENCES epic_packs (epic_id, commit) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE turns ADD COLUMN pack text,
    ADD CONSTRAINT turns_pack FOREIGN KEY (epic_id, pack) REFERENCES epic_packs (epic_id, commit) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION name_pack_of_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pack := CASE WHEN EXISTS (SELECT FROM epic_packs WHERE epic_id = NEW.epic_id) THEN NEW.commit END;
    RETURN NEW;
END
$$;
CREATE TRIGGER moment_names_pack BEFORE INSERT ON moments FOR EACH ROW EXECUTE FUNCTION name_pack_of_moment();

CREATE FUNCTION name_pack_of_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pack := CASE WHEN EXISTS (SELECT FROM epic_packs WHERE epic_id = NEW.epic_id) THEN NEW.tree END;
    RETURN NEW;
END
$$;
CREATE TRIGGER turn_names_pack BEFORE UPDATE OF tree ON turns FOR EACH ROW EXECUTE FUNCTION name_pack_of_turn();

-- Keep a commit for an epic. What is there already is not stored again, but a commit that has left the base branch gets its data later.
-- The shared lock keeps the collector away between the pack and the row that holds it.
CREATE FUNCTION keep_pack(p_epic text, p_commit text, p_data bytea, p_needs text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    project bigint;
    added boolean;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7305814620418);
    SELECT project_id INTO project FROM epics WHERE id = p_epic;
    INSERT INTO packs (project_id, commit, data) VALUES (project, p_commit, p_data) ON CONFLICT (project_id, commit) DO NOTHING;
    added := FOUND;
    IF NOT added AND p_data IS NOT NULL THEN
        UPDATE packs SET data = p_data WHERE project_id = project AND commit = p_commit AND data IS NULL;
        added := FOUND;
    END IF;
    IF added AND p_data IS NOT NULL THEN
        INSERT INTO pack_needs (project_id, commit, needs) SELECT project, p_commit, need FROM unnest(p_needs) AS need;
    END IF;
    INSERT INTO epic_packs (epic_id, commit, project_id) VALUES (p_epic, p_commit, project) ON CONFLICT (epic_id, commit) DO NOTHING;
END
$$;

-- Remove the packs that no epic holds and no other pack needs, and say how many they were and how large. One after the other: taking one
-- away can free those that it needed. Under the lock nobody begins to hold one meanwhile.
CREATE FUNCTION collect_packs(p_most integer, OUT packs_removed bigint, OUT bytes_removed bigint)
LANGUAGE plpgsql AS $$
BEGIN
    -- Those who keep a pack wait for this with their lease's row in hand, and renewals wait for that: a round is short.
    PERFORM pg_advisory_xact_lock(7305814620418);
    WITH removed AS (
        DELETE FROM packs USING (
            SELECT p.project_id AS project, p.commit AS id FROM packs p
            WHERE NOT EXISTS (SELECT FROM epic_packs e WHERE e.project_id = p.project_id AND e.commit = p.commit)
                AND NOT EXISTS (SELECT FROM pack_needs n WHERE n.project_id = p.project_id AND n.needs = p.commit)
            LIMIT p_most
        ) AS unheld
        WHERE project_id = unheld.project AND commit = unheld.id
        RETURNING coalesce(octet_length(data), 0) AS bytes
    )
    SELECT count(*), coalesce(sum(bytes), 0) INTO packs_removed, bytes_removed FROM removed;
END
$$;
