-- name: add_feedback
-- What a customer says, once per reference.
INSERT INTO feedback (id, order_id, reference, score, title, comment, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
ON CONFLICT (order_id, reference) DO NOTHING
RETURNING id, reference, score, title, comment, occurred_at, created_at;

-- name: find_feedback
SELECT id, reference, score, title, comment, occurred_at, created_at
FROM feedback WHERE order_id = $1 AND reference = $2;

-- name: read_event
SELECT id, type, actor, role, data, note, occurred_at, recorded_at FROM events WHERE id = $1;
