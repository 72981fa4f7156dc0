-- What is sealed, page by page in the order of the keys, for whoever seals it anew. Each `stale_` query gives rows of which some text was
-- sealed by another data key than the one that %(mark)s begins with; each `reseal_` query puts new texts in place of those that were read,
-- null leaving a column as it is.

-- name: stale_secrets
SELECT name, sealed FROM secrets
WHERE name > %(name)s AND left(sealed, 4) = 'gs1.' AND left(sealed, length(%(mark)s)) <> %(mark)s
ORDER BY name LIMIT %(limit)s;

-- name: reseal_secrets
UPDATE secrets SET sealed = %(sealed)s WHERE name = %(name)s AND sealed = %(was_sealed)s;

-- name: stale_webhooks
SELECT name, secret FROM webhooks
WHERE name > %(name)s AND left(secret, 4) = 'gs1.' AND left(secret, length(%(mark)s)) <> %(mark)s
ORDER BY name LIMIT %(limit)s;

-- name: reseal_webhooks
UPDATE webhooks SET secret = %(secret)s WHERE name = %(name)s AND secret = %(was_secret)s;

-- name: stale_slack_inbox
SELECT key, payload FROM slack_inbox
WHERE key > %(key)s AND left(payload, 4) = 'gs1.' AND left(payload, length(%(mark)s)) <> %(mark)s
ORDER BY key LIMIT %(limit)s;

-- name: reseal_slack_inbox
-- It may be done meanwhile.
UPDATE slack_inbox SET payload = %(payload)s WHERE key = %(key)s AND payload = %(was_payload)s;

-- name: stale_briefs
SELECT epic_id, attempt, text FROM briefs
WHERE (epic_id, attempt) > (%(epic_id)s, %(attempt)s) AND left(text, 4) = 'gs1.' AND left(text, length(%(mark)s)) <> %(mark)s
ORDER BY epic_id, attempt LIMIT %(limit)s;

-- name: reseal_briefs
UPDATE briefs SET text = %(text)s WHERE epic_id = %(epic_id)s AND attempt = %(attempt)s;

-- name: stale_attempts
SELECT epic_id, n, setup, result FROM (
    SELECT
        epic_id, n, CASE WHEN left(setup ->> 'log', 4) = 'gs1.' THEN setup ->> 'log' END AS setup,
        CASE WHEN left(result ->> 'log_tail', 4) = 'gs1.' THEN result ->> 'log_tail' END AS result
    FROM attempts WHERE (epic_id, n) > (%(epic_id)s, %(n)s)
) AS a
WHERE left(setup, length(%(mark)s)) <> %(mark)s OR left(result, length(%(mark)s)) <> %(mark)s
ORDER BY epic_id, n LIMIT %(limit)s;

-- name: reseal_attempts
-- A setup command may have run again meanwhile.
UPDATE attempts SET
    setup = CASE WHEN setup ->> 'log' = %(was_setup)s THEN jsonb_set(setup, '{log}', to_jsonb(%(setup)s::text)) ELSE setup END,
    result = CASE WHEN result ->> 'log_tail' = %(was_result)s THEN jsonb_set(result, '{log_tail}', to_jsonb(%(result)s::text)) ELSE result END
WHERE epic_id = %(epic_id)s AND n = %(n)s;

-- name: stale_turns
SELECT epic_id, attempt, n, request, answer, results FROM (
    SELECT epic_id, attempt, n, request ->> 'sealed' AS request, answer ->> 'sealed' AS answer, results ->> 'sealed' AS results
    FROM turns WHERE (epic_id, attempt, n) > (%(epic_id)s, %(attempt)s, %(n)s)
) AS t
WHERE (left(request, 4) = 'gs1.' AND left(request, length(%(mark)s)) <> %(mark)s)
    OR (left(answer, 4) = 'gs1.' AND left(answer, length(%(mark)s)) <> %(mark)s)
    OR (left(results, 4) = 'gs1.' AND left(results, length(%(mark)s)) <> %(mark)s)
ORDER BY epic_id, attempt, n LIMIT %(limit)s;

-- name: reseal_turns
UPDATE turns SET
    request = CASE WHEN %(request)s::text IS NULL THEN request ELSE json_build_object('sealed', %(request)s::text) END,
    answer = CASE WHEN %(answer)s::text IS NULL THEN answer ELSE json_build_object('sealed', %(answer)s::text) END,
    results = CASE WHEN %(results)s::text IS NULL THEN results ELSE json_build_object('sealed', %(results)s::text) END
WHERE epic_id = %(epic_id)s AND attempt = %(attempt)s AND n = %(n)s;

-- name: stale_messages
SELECT session_id, n, message FROM (
    SELECT session_id, n, message ->> 'sealed' AS message FROM messages WHERE (session_id, n) > (%(session_id)s, %(n)s)
) AS m
WHERE left(message, 4) = 'gs1.' AND left(message, length(%(mark)s)) <> %(mark)s
ORDER BY session_id, n LIMIT %(limit)s;

-- name: reseal_messages
UPDATE messages SET message = json_build_object('sealed', %(message)s::text) WHERE session_id = %(session_id)s AND n = %(n)s;

-- name: stale_session_runs
SELECT run_id, prompt FROM session_runs
WHERE run_id > %(run_id)s AND left(prompt, 4) = 'gs1.' AND left(prompt, length(%(mark)s)) <> %(mark)s
ORDER BY run_id LIMIT %(limit)s;

-- name: reseal_session_runs
UPDATE session_runs SET prompt = %(prompt)s WHERE run_id = %(run_id)s;

-- name: stale_checkpoint_blobs
SELECT thread_id, checkpoint_ns, channel, version, convert_from(blob, 'UTF8') AS blob FROM checkpoint_blobs
WHERE (thread_id, checkpoint_ns, channel, version) > (%(thread_id)s, %(checkpoint_ns)s, %(channel)s, %(version)s)
    AND type LIKE 'sealed:%%' AND substring(blob FROM 1 FOR length(%(mark)s)) <> convert_to(%(mark)s, 'UTF8')
ORDER BY thread_id, checkpoint_ns, channel, version LIMIT %(limit)s;

-- name: reseal_checkpoint_blobs
UPDATE checkpoint_blobs SET blob = convert_to(%(blob)s, 'UTF8')
WHERE thread_id = %(thread_id)s AND checkpoint_ns = %(checkpoint_ns)s AND channel = %(channel)s AND version = %(version)s;

-- name: stale_checkpoint_writes
SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, convert_from(blob, 'UTF8') AS blob FROM checkpoint_writes
WHERE (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
        > (%(thread_id)s, %(checkpoint_ns)s, %(checkpoint_id)s, %(task_id)s, %(idx)s)
    AND type LIKE 'sealed:%%' AND substring(blob FROM 1 FOR length(%(mark)s)) <> convert_to(%(mark)s, 'UTF8')
ORDER BY thread_id, checkpoint_ns, checkpoint_id, task_id, idx LIMIT %(limit)s;

-- name: reseal_checkpoint_writes
-- A special write may have been replaced meanwhile.
UPDATE checkpoint_writes SET blob = convert_to(%(blob)s, 'UTF8')
WHERE thread_id = %(thread_id)s AND checkpoint_ns = %(checkpoint_ns)s AND checkpoint_id = %(checkpoint_id)s AND task_id = %(task_id)s
    AND idx = %(idx)s AND blob = convert_to(%(was_blob)s, 'UTF8');

-- name: lock_data_keys
-- One rotation at a time begins; those that read the keys wait for nobody.
LOCK TABLE data_keys IN SHARE ROW EXCLUSIVE MODE;

-- name: data_keys_unemptied
-- Those that seal no more and may still be needed.
SELECT name FROM data_keys WHERE retired_at IS NOT NULL AND emptied_at IS NULL;

-- name: retire_data_key
UPDATE data_keys SET retired_at = now() WHERE retired_at IS NULL;

-- name: add_data_key
INSERT INTO data_keys (name, wrapped) VALUES (%(name)s, %(wrapped)s);

-- name: rewrap_data_key
UPDATE data_keys SET wrapped = %(wrapped)s WHERE name = %(name)s;

-- name: data_keys_emptied
UPDATE data_keys SET emptied_at = coalesce(emptied_at, now()) WHERE retired_at IS NOT NULL;

-- name: forget_data_keys
-- A process that seals with a key whose turn is over learns of it within a minute; a day is enough for one that was stopped meanwhile.
DELETE FROM data_keys WHERE retired_at < now() - interval '1 day' AND emptied_at IS NOT NULL;
