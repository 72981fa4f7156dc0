-- What the HTTP API needs: answers that are given again, and lists that stay quick however many epics wait.

-- The answer to each start that had effect, kept with what asked for it: whoever asks again under the same key gets the same answer.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    -- Of the request's values, so that the same key with other values is refused.
    request_hash text NOT NULL,
    epic_id text NOT NULL REFERENCES epics (id) ON DELETE CASCADE,
    -- The JSON as it was sent the first time, to the letter.
    answer text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_by_epic ON idempotency_keys (epic_id);

-- The few epics that are held, found without a look at all that are queued. Renewals leave it alone: they change no column of it.
CREATE INDEX leases_held ON leases (thread_id) WHERE token IS NOT NULL;

-- The pages of all approvals; those of one status have approvals_by_status, those of one epic the key of (epic_id, moment).
CREATE INDEX approvals_by_time ON approvals (requested_at DESC, id DESC);
