-- name: record_event
-- Who did what and when; `$7` is when it happened, when that is not now.
INSERT INTO events (order_id, type, actor, role, data, note, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
RETURNING id;
