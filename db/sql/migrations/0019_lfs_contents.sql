-- Contents of Git LFS files that an epic wrote, so that any host can go on with it; git itself, and so a pack, has only their pointers.

CREATE TABLE lfs_contents (
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    -- The SHA-256 of the content, as its pointer names it.
    oid text NOT NULL CHECK (oid ~ '^[0-9a-f]{64}$'),
    data bytea NOT NULL,
    PRIMARY KEY (epic_id, oid)
);
-- Contents are mostly compressed by themselves, and are read whole.
ALTER TABLE lfs_contents ALTER COLUMN data SET STORAGE EXTERNAL;
-- A fork builds on what its source wrote.
CREATE INDEX lfs_contents_by_oid ON lfs_contents (oid);
