-- Which database this is: what lives outside of it (containers, sockets) bears its id, since another Genie's may share the host.

CREATE TABLE identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    made_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO identity DEFAULT VALUES;
