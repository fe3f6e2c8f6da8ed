-- name: lock_warehouse
SELECT code, closed_at FROM warehouses WHERE code = $1 FOR NO KEY UPDATE;

-- name: set_closed
-- The present state, beside the record of who closed it and why.
UPDATE warehouses SET closed_at = CASE WHEN $2 THEN now() END, updated_at = now() WHERE code = $1;

-- name: add_closing
INSERT INTO warehouse_closings (id, warehouse, reason, actor) VALUES ($1, $2, $3, $4);

-- name: end_closing
UPDATE warehouse_closings SET reopened_at = now(), reopened_by = $2
WHERE warehouse = $1 AND reopened_at IS NULL RETURNING id;

-- name: read_closings
-- When a warehouse was closed, newest first.
SELECT id, warehouse, reason, actor, closed_at, reopened_at, reopened_by
FROM warehouse_closings WHERE warehouse = $1 AND ($2::text IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: is_closed
SELECT closed_at IS NOT NULL FROM warehouses WHERE code = $1;

-- name: any_closed
SELECT EXISTS (SELECT FROM warehouse_closings WHERE reopened_at IS NULL);

-- name: tell_of_closings
-- News for every order that has goods at a closed warehouse which no hand has packed, each once:
-- those with work there, and those that are kept there until the rest of their order comes.
WITH closings AS (
    SELECT id, warehouse FROM warehouse_closings WHERE reopened_at IS NULL
), concerned AS (
    SELECT c.id, f.order_id
    FROM closings c
    JOIN fulfillment_orders f ON f.warehouse = c.warehouse
        AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')
    WHERE EXISTS (SELECT FROM fulfillment_order_lines l WHERE l.fulfillment_order_id = f.id
        AND l.quantity - l.short - l.canceled > l.packed)
    UNION
    SELECT c.id, w.order_id
    FROM closings c
    JOIN reservations w ON w.status = 'backordered'
    JOIN reservations r ON r.order_id = w.order_id AND r.status = 'allocated'
        AND r.warehouse = c.warehouse
), told AS (
    INSERT INTO warehouse_recalls (closing_id, order_id)
    SELECT k.id, k.order_id FROM concerned k
    WHERE NOT EXISTS (SELECT FROM warehouse_recalls t
        WHERE t.closing_id = k.id AND t.order_id = k.order_id)
    ORDER BY k.order_id LIMIT $1
    ON CONFLICT DO NOTHING
    RETURNING closing_id, order_id
)
INSERT INTO outbox (order_id, kind, payload)
SELECT t.order_id, 'warehouse_closed',
    jsonb_build_object('warehouse', c.warehouse, 'cause', t.closing_id)
FROM told t JOIN closings c ON c.id = t.closing_id
RETURNING order_id;

-- name: waited_for_here
-- Items with free units at a warehouse that somebody waits for, or could be offered something for.
SELECT l.sku FROM stock_levels l
WHERE l.warehouse = $1 AND l.on_hand - l.allocated - l.held - l.damaged - l.safety > 0
  AND (EXISTS (SELECT FROM reservations r WHERE r.status = 'backordered' AND r.sku = l.sku)
    OR EXISTS (SELECT FROM item_substitutes s
        JOIN reservations r ON r.status = 'backordered' AND r.sku = s.sku
        WHERE s.substitute = l.sku));
