-- Names of moments: each once in an epic, so that a name stands for one moment.
CREATE UNIQUE INDEX moments_by_name ON moments (epic_id, name) WHERE name IS NOT NULL;
