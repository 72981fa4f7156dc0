-- name: put_checkpoint
SELECT put_checkpoint(
    %(thread)s, %(epoch)s, %(token)s, %(ns)s, %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s,
    %(blob_channels)s::text[], %(blob_versions)s::text[], %(blob_types)s::text[], %(blob_values)s::bytea[],
    %(write_checkpoints)s::text[], %(write_tasks)s::text[], %(write_paths)s::text[], %(write_places)s::integer[],
    %(write_channels)s::text[], %(write_types)s::text[], %(write_values)s::bytea[], %(rows)s
);

-- name: newest_checkpoint
-- Over all namespaces: the clock must be past every id of the thread, and of that which it is copied from.
SELECT max(checkpoint_id) AS newest FROM checkpoints WHERE thread_id = ANY(%(threads)s::text[]);
