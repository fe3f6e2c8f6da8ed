-- name: lock_orders
-- Orders that reserve together, locked in one order everywhere, each with its place in the queue.
SELECT o.id, o.status, o.out_of_stock, o.priority, o.created_at
FROM orders o WHERE o.id = ANY($1::text[])
ORDER BY o.id FOR NO KEY UPDATE OF o;

-- name: lock_free_orders
-- The same for those that nobody else is working on.
SELECT o.id, o.status, o.out_of_stock, o.priority, o.created_at
FROM orders o WHERE o.id = ANY($1::text[])
ORDER BY o.id FOR NO KEY UPDATE OF o SKIP LOCKED;

-- name: steps_done
-- What is known of these steps of orders.
SELECT s.order_id, s.cause, s.result
FROM unnest($1::text[], $2::text[]) AS asked (order_id, cause)
JOIN steps s ON s.order_id = asked.order_id AND s.cause = asked.cause;

-- name: lines_wanted
-- The lines of orders, with the units that need a source.
SELECT l.order_id, l.id, l.sku, l.open, l.backordered, l.quantity - l.canceled AS live,
    l.out_of_stock
FROM order_lines l WHERE l.order_id = ANY($1::text[])
ORDER BY l.order_id, l.position;

-- name: held_for_orders
-- What checkouts keep for these orders.
SELECT h.order_id, l.hold_id, l.sku, l.warehouse, l.quantity
FROM stock_holds h JOIN stock_hold_lines l ON l.hold_id = h.id
WHERE h.order_id = ANY($1::text[]) AND h.status = 'held'
ORDER BY l.hold_id, l.sku, l.warehouse;

-- name: queue_heads
-- Who waits first for each of these items: as many orders as its free units could serve.
SELECT w.sku, r.order_id, r.priority, r.queued_at, r.quantity
FROM unnest($1::text[], $2::int[]) AS w (sku, free)
CROSS JOIN LATERAL (
    SELECT q.order_id, q.priority, q.queued_at, q.quantity FROM reservations q
    WHERE q.status = 'backordered' AND q.sku = w.sku
    ORDER BY q.priority DESC, q.queued_at, q.order_id LIMIT w.free
) r;

-- name: insert_claims
-- Claims of many orders' lines on stock: units of a warehouse, or a place in the queue.
INSERT INTO reservations
    (order_id, line_id, sku, warehouse, quantity, status, cause, priority, queued_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[],
    $7::text[], $8::int[], $9::timestamptz[]);

-- name: move_lines
-- Units of many lines between their counters; the CHECK on each row keeps its sum.
UPDATE order_lines l SET open = l.open + m.open, allocated = l.allocated + m.allocated,
    backordered = l.backordered + m.backordered, canceled = l.canceled + m.canceled
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::int[])
    AS m (line_id, open, allocated, backordered, canceled)
WHERE l.id = m.line_id;

-- name: finish_steps
-- Steps of many orders are done, with what they answered.
INSERT INTO steps (order_id, cause, result)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[]);
