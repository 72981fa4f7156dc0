-- name: take_request_turn
-- One statement: each request waits for it.
SELECT allowed, remaining, retry_after_s, full_after_s FROM take_request_turn(%(bucket)s, %(per_minute)s, %(at_once)s);

-- name: forget_request_turns
-- An hour is longer than any bucket takes to fill.
WITH gone AS (DELETE FROM request_turns WHERE due_at < clock_timestamp() - interval '1 hour' RETURNING bucket)
SELECT count(*) AS forgotten FROM gone;
