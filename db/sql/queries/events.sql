-- name: announce
-- Sent after the commit that it tells of, for any number of epics at once: within that commit it would make writers wait for each other.
SELECT pg_notify('genie_events', epic) FROM unnest(%(epics)s::text[]) AS epic;

-- name: listen
LISTEN genie_events;

-- name: newest_events
-- What followers have not heard of, should an announcement be lost with whoever owed it.
SELECT id, last_event FROM epics WHERE id = ANY (%(epics)s::text[]);
