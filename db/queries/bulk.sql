-- name: match_orders
-- Living orders that fit all of the filter, the oldest first.
SELECT o.id FROM orders o
WHERE o.status IN ('pending', 'confirmed')
    AND ($1::text[] IS NULL OR o.id = ANY($1))
    AND ($2::text IS NULL OR EXISTS (SELECT FROM order_lines l
        WHERE l.order_id = o.id AND l.sku = $2 AND l.quantity > l.canceled))
    AND ($3::text IS NULL OR EXISTS (SELECT FROM attention a
        WHERE a.order_id = o.id AND a.code = $3))
    AND ($4::text IS NULL OR o.status = $4)
    AND ($5::text IS NULL OR o.channel = $5)
    AND ($6::text IS NULL OR EXISTS (SELECT FROM fulfillment_orders f
        WHERE f.order_id = o.id AND f.warehouse = $6
            AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')))
    AND ($7::text IS NULL OR EXISTS (SELECT FROM holds h
        WHERE h.order_id = o.id AND h.reason = $7 AND h.released_at IS NULL))
    AND ($8::timestamptz IS NULL OR o.placed_at >= $8)
    AND ($9::timestamptz IS NULL OR o.placed_at < $9)
ORDER BY o.placed_at, o.id LIMIT $10;

-- name: add_bulk_action
INSERT INTO bulk_actions (id, action, filter, reason, actor, role, note, total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: add_bulk_items
INSERT INTO bulk_items (bulk_id, order_id, position)
SELECT $1, x.order_id, x.position
FROM unnest($2::text[]) WITH ORDINALITY AS x (order_id, position);

-- name: read_bulk_actions
-- Newest first, with how far each is.
SELECT b.*, c.waiting, c.done, c.refused, c.skipped
FROM bulk_actions b CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE i.status = 'waiting') AS waiting,
        count(*) FILTER (WHERE i.status = 'done') AS done,
        count(*) FILTER (WHERE i.status = 'refused') AS refused,
        count(*) FILTER (WHERE i.status = 'skipped') AS skipped
    FROM bulk_items i WHERE i.bulk_id = b.id) c
WHERE ($1::text IS NULL OR b.id = $1) AND ($2::text IS NULL OR b.id < $2)
ORDER BY b.id DESC LIMIT $3;

-- name: list_bulk_items
SELECT i.position, i.order_id, o.number AS order_number, i.status, i.code, i.ended_at
FROM bulk_items i JOIN orders o ON o.id = i.order_id
WHERE i.bulk_id = $1 AND ($2::text IS NULL OR i.status = $2) AND i.position > $3
ORDER BY i.position LIMIT $4;

-- name: waiting_items
-- Nothing when it is to stop.
SELECT i.order_id FROM bulk_items i JOIN bulk_actions b ON b.id = i.bulk_id
WHERE i.bulk_id = $1 AND i.status = 'waiting' AND b.status = 'running'
ORDER BY i.position LIMIT $2;

-- name: read_item
SELECT i.status, i.event, i.plan, b.action, b.filter, b.reason, b.actor, b.role, b.note
FROM bulk_items i JOIN bulk_actions b ON b.id = i.bulk_id
WHERE i.bulk_id = $1 AND i.order_id = $2;

-- name: keep_item_event
UPDATE bulk_items SET event = $3, plan = $4 WHERE bulk_id = $1 AND order_id = $2;

-- name: end_item
UPDATE bulk_items SET status = $3, code = $4, ended_at = now()
WHERE bulk_id = $1 AND order_id = $2 AND status = 'waiting' RETURNING true;

-- name: stop_bulk_action
UPDATE bulk_actions SET status = 'stopping' WHERE id = $1 AND status = 'running' RETURNING true;

-- name: end_bulk_action
UPDATE bulk_actions SET status = CASE status WHEN 'stopping' THEN 'stopped' ELSE 'done' END,
    ended_at = now()
WHERE id = $1 AND status IN ('running', 'stopping');

-- name: failing_codes
SELECT DISTINCT code FROM attention WHERE order_id = $1 AND 'retry' = ANY(can);
