-- name: record_event
-- Who did what and when; `$7` is when it happened, when that is not now.
INSERT INTO events (order_id, type, actor, role, data, note, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
RETURNING id;

-- name: order_of
-- Ids tell what they are of, so one is found in one table at most.
SELECT id FROM orders WHERE id = $1
UNION ALL SELECT order_id FROM fulfillment_orders WHERE id = $1
UNION ALL SELECT order_id FROM shipments WHERE id = $1
UNION ALL SELECT order_id FROM returns WHERE id = $1
UNION ALL SELECT order_id FROM refunds WHERE id = $1;
