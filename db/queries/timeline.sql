-- name: record_event
-- Who did what and when; `$7` is when it happened, when that is not now.
INSERT INTO events (order_id, type, actor, role, data, note, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
RETURNING id;

-- name: record_events
-- What the system did with many orders at once.
INSERT INTO events (order_id, type, actor, role, data)
SELECT e.order_id, e.type, $4, 'system', e.data
FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS e (order_id, type, data);
