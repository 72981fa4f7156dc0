-- name: take_provider_turn
-- How long to wait for the turn that was taken.
SELECT take_provider_turn(%(key)s, %(per_minute)s) AS seconds;

-- name: provider_silence
-- How long the provider wants to hear nothing.
SELECT provider_silence(%(key)s) AS seconds;

-- name: ask_provider_silence
-- The provider asked for silence.
SELECT ask_provider_silence(%(key)s, %(seconds)s);
