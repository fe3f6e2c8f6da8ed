-- name: receive
-- News from outside, each event once: what is known already is passed over.
INSERT INTO inbox (source, provider, event_id, payload)
SELECT $1, $2, n.event_id, n.payload
FROM unnest($3::text[], $4::jsonb[]) AS n (event_id, payload)
ON CONFLICT (source, provider, event_id) DO NOTHING
RETURNING id;
