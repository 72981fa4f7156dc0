-- name: take_provider_turn
-- How long to wait for the turn that was taken.
SELECT take_provider_turn(%(key)s, %(per_minute)s) AS seconds;

-- name: provider_silence
-- How long the provider wants to hear nothing.
SELECT provider_silence(%(key)s) AS seconds;

-- name: ask_provider_silence
-- The provider asked for silence.
SELECT ask_provider_silence(%(key)s, %(seconds)s);

-- name: reserve_under_lease
-- One statement and so one transaction, fence included.
SELECT call_id, max_tokens, scope, limit_usd, spent_usd, needed_usd
FROM reserve_under_lease(
    %(epic)s, %(epoch)s, %(token)s, %(attempt)s, %(model)s, %(input_usd)s, %(output_usd)s, %(wish)s::integer, %(floor)s::integer
);
