-- name: lock_levels
-- Every level of these items, locked in one order everywhere, so that two orders never deadlock.
-- A closed warehouse has nothing to give; it is told of, so that its goods are not wondered about.
SELECT l.warehouse, l.sku, CASE WHEN w.closed_at IS NULL
    THEN l.on_hand - l.allocated - l.held - l.damaged - l.safety ELSE 0 END AS available,
    w.priority
FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
WHERE l.sku = ANY($1::text[])
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: anybody_waits
-- Whether any of these items is waited for.
SELECT EXISTS (
    SELECT FROM reservations r WHERE r.status = 'backordered' AND r.sku = ANY($1::text[]));

-- name: reserve_rows
-- Claims of an order's lines on stock.
INSERT INTO reservations
    (order_id, line_id, sku, warehouse, quantity, status, cause, priority, queued_at)
SELECT $1, r.line_id, r.sku, nullif(r.warehouse, ''), r.quantity, $6, $7, $8, $9
FROM unnest($2::text[], $3::text[], $4::text[], $5::int[])
    AS r (line_id, sku, warehouse, quantity);

-- name: claims
-- An order's claims of one status.
SELECT id, line_id, sku, warehouse, quantity FROM reservations
WHERE order_id = $1 AND status = $2 ORDER BY id;

-- name: lock_claimed
-- The levels of all items that an order has or waits for. Who frees units of them tells the first
-- in the queue: an order that leaves it must see that they are free, or be seen to have left.
SELECT 1 FROM stock_levels l
WHERE l.sku IN (SELECT r.sku FROM reservations r
    WHERE r.order_id = $1 AND r.status IN ('allocated', 'backordered'))
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: end_claim
UPDATE reservations SET status = $2, updated_at = now() WHERE id = $1;

-- name: shrink_claim
UPDATE reservations SET quantity = quantity - $2, updated_at = now() WHERE id = $1;

-- name: queue_place
-- Where an order stands in the queue for stock.
SELECT priority, created_at FROM orders WHERE id = $1;

-- name: wake_waiting
-- News for the orders that wait first for each of these items, as many as its free units can serve;
-- as many for each destination where rules keep an item from some.
WITH shelves AS (
    SELECT l.sku, sum(greatest(0, l.on_hand - l.allocated - l.held - l.damaged - l.safety))::int
        AS units
    FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
    WHERE l.sku = ANY($1::text[]) AND w.closed_at IS NULL
    GROUP BY l.sku
), free AS (
    SELECT s.sku, s.units, EXISTS (
        SELECT FROM sourcing_exclusions e
        WHERE e.sku IN ('', s.sku) AND e.category IN ('', coalesce(i.category, ''))
    ) AS bound
    FROM shelves s LEFT JOIN items i ON i.sku = s.sku
    WHERE s.units > 0
), heads AS (
    SELECT r.order_id, r.priority, r.queued_at
    FROM free CROSS JOIN LATERAL (
        SELECT q.order_id, q.priority, q.queued_at,
            sum(q.quantity) OVER (ORDER BY q.priority DESC, q.queued_at, q.order_id, q.id)
                - q.quantity AS ahead
        FROM (
            SELECT * FROM reservations
            WHERE status = 'backordered' AND sku = free.sku AND NOT free.bound
            ORDER BY priority DESC, queued_at, order_id, id LIMIT free.units
        ) q
        UNION ALL
        SELECT q.order_id, q.priority, q.queued_at,
            sum(q.quantity) OVER (
                PARTITION BY c.shipping_address ->> 'country', c.shipping_address ->> 'postal_code'
                ORDER BY q.priority DESC, q.queued_at, q.order_id, q.id) - q.quantity AS ahead
        FROM reservations q LEFT JOIN order_contacts c ON c.order_id = q.order_id
        WHERE q.status = 'backordered' AND q.sku = free.sku AND free.bound
    ) r
    WHERE r.ahead < free.units
    UNION ALL
    -- Those who wait for something that these items may be offered in place of.
    SELECT r.order_id, r.priority, r.queued_at
    FROM free JOIN item_substitutes s ON s.substitute = free.sku
    CROSS JOIN LATERAL (
        SELECT q.order_id, q.priority, q.queued_at
        FROM reservations q
        JOIN order_lines l ON l.id = q.line_id
        JOIN orders o ON o.id = q.order_id
        WHERE q.status = 'backordered' AND q.sku = s.sku
          AND coalesce(l.out_of_stock, o.out_of_stock) = 'substitute'
          AND NOT EXISTS (SELECT FROM substitution_offers f WHERE f.line_id = l.id
              AND f.status IN ('offered', 'refused', 'expired'))
        ORDER BY q.priority DESC, q.queued_at, q.order_id LIMIT free.units
    ) r
)
INSERT INTO outbox (order_id, kind, payload)
SELECT w.order_id, 'stock_arrived', jsonb_build_object('cause', $2::text)
FROM (
    SELECT order_id, max(priority) AS priority, min(queued_at) AS queued_at
    FROM heads GROUP BY order_id
) w
ORDER BY w.priority DESC, w.queued_at, w.order_id;

-- name: short_reported
-- Units of this work that were already taken off the counters as missing.
SELECT line_id, (-sum(on_hand))::int AS quantity FROM stock_movements
WHERE order_id = $1 AND kind = 'short' AND starts_with(cause, $2 || ':') GROUP BY line_id;
