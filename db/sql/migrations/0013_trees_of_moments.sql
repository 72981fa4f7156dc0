-- The tree of a moment is that of its commit, so that going back to it gives exactly these files. What a step did not take over has its tree
-- in the attempt alone; the tree of a commit that was the head before, or that an attempt ended with, is known.

CREATE FUNCTION tree_of_commit(p_epic text, p_commit text) RETURNS text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE line (id) AS (
        SELECT p_epic
        UNION
        SELECT e.forked_from FROM line JOIN epics e ON e.id = line.id WHERE e.forked_from IS NOT NULL
    )
    SELECT coalesce(
        (SELECT m.tree FROM moments m JOIN line ON line.id = m.epic_id WHERE m.commit = p_commit AND m.tree <> '' LIMIT 1),
        (SELECT a.result ->> 'tree' FROM attempts a JOIN line ON line.id = a.epic_id WHERE a.result ->> 'commit' = p_commit LIMIT 1),
        ''
    )
$$;

UPDATE moments m SET tree = ''
FROM attempts a
WHERE a.epic_id = m.epic_id AND a.n = m.attempt AND m.outcome IN ('failed', 'budget') AND a.result ->> 'commit' <> m.commit;
UPDATE moments SET tree = tree_of_commit(epic_id, commit) WHERE tree = '';

CREATE FUNCTION name_tree_of_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tree := tree_of_commit(NEW.epic_id, NEW.commit);
    RETURN NEW;
END
$$;
CREATE TRIGGER moment_names_tree BEFORE INSERT ON moments FOR EACH ROW WHEN (NEW.tree = '') EXECUTE FUNCTION name_tree_of_moment();
