-- name: lock_orders
-- Orders that reserve together, locked in one order everywhere, each with its place in the queue.
SELECT o.id, o.status, o.out_of_stock, o.priority, o.created_at,
    o.cancel_requested_at IS NOT NULL OR o.closed_at IS NOT NULL AS over,
    EXISTS (SELECT FROM stock_holds h WHERE h.order_id = o.id AND h.status = 'held') AS held,
    (SELECT ARRAY[c.shipping_address ->> 'country', c.shipping_address ->> 'postal_code']
     FROM order_contacts c WHERE c.order_id = o.id) AS destination
FROM orders o WHERE o.id = ANY($1::text[])
ORDER BY o.id FOR NO KEY UPDATE OF o;

-- name: lock_free_orders
-- The same for those that nobody else is working on.
SELECT o.id, o.status, o.out_of_stock, o.priority, o.created_at,
    o.cancel_requested_at IS NOT NULL OR o.closed_at IS NOT NULL AS over,
    EXISTS (SELECT FROM stock_holds h WHERE h.order_id = o.id AND h.status = 'held') AS held,
    (SELECT ARRAY[c.shipping_address ->> 'country', c.shipping_address ->> 'postal_code']
     FROM order_contacts c WHERE c.order_id = o.id) AS destination
FROM orders o WHERE o.id = ANY($1::text[])
ORDER BY o.id FOR NO KEY UPDATE OF o SKIP LOCKED;

-- name: lines_wanted
-- The lines of orders, with the units that need a source; and what is known of the step that
-- reserves them, or of the one that it is a part of.
SELECT a.order_id, l.id, l.sku, l.open, l.backordered, l.quantity - l.canceled AS live,
    l.out_of_stock, coalesce(i.category, '') AS category, s.result AS done
FROM unnest($1::text[], $2::text[], $3::text[]) AS a (order_id, cause, whole)
JOIN order_lines l ON l.order_id = a.order_id
LEFT JOIN items i ON i.sku = l.sku
LEFT JOIN LATERAL (
    SELECT result FROM steps WHERE order_id = a.order_id AND cause IN (a.cause, a.whole) LIMIT 1
) s ON true
ORDER BY l.order_id, l.position;

-- name: held_for_orders
-- What checkouts keep for these orders.
SELECT h.order_id, l.hold_id, l.sku, l.warehouse, l.quantity
FROM stock_holds h JOIN stock_hold_lines l ON l.hold_id = h.id
WHERE h.order_id = ANY($1::text[]) AND h.status = 'held'
ORDER BY l.hold_id, l.sku, l.warehouse;

-- name: not_found
-- Where units of these orders were looked for in vain, and nobody has counted or put any since.
SELECT DISTINCT m.order_id, m.sku, m.warehouse FROM stock_movements m
WHERE m.order_id = ANY($1::text[]) AND m.kind = 'short'
  AND NOT EXISTS (SELECT FROM stock_movements c
      WHERE c.sku = m.sku AND c.warehouse = m.warehouse AND c.id > m.id
        AND c.kind IN ('receipt', 'count', 'adjust', 'transfer_in', 'return'));

-- name: queue_heads
-- Who waits first for each of these items: as many orders as its free units could serve; where
-- rules keep the item from some, as many for each destination, since others may not be served.
SELECT w.sku, r.order_id, r.priority, r.queued_at, r.quantity, coalesce(i.category, '') AS category,
    r.country, r.postal_code
FROM unnest($1::text[], $2::int[]) AS w (sku, free) LEFT JOIN items i ON i.sku = w.sku
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM sourcing_exclusions e
        WHERE e.sku IN ('', w.sku) AND e.category IN ('', coalesce(i.category, ''))
    ) AS bound
) rules
CROSS JOIN LATERAL (
    SELECT h.*, coalesce(c.shipping_address ->> 'country', '') AS country,
        coalesce(c.shipping_address ->> 'postal_code', '') AS postal_code
    FROM (
        SELECT q.order_id, q.priority, q.queued_at, q.quantity FROM reservations q
        WHERE q.status = 'backordered' AND q.sku = w.sku AND NOT rules.bound
        ORDER BY q.priority DESC, q.queued_at, q.order_id LIMIT w.free
    ) h LEFT JOIN order_contacts c ON c.order_id = h.order_id
    UNION ALL
    SELECT h.order_id, h.priority, h.queued_at, h.quantity, h.country, h.postal_code
    FROM (
        SELECT q.order_id, q.priority, q.queued_at, q.quantity, d.country, d.postal_code,
            row_number() OVER (PARTITION BY d.country, d.postal_code
                ORDER BY q.priority DESC, q.queued_at, q.order_id) AS nth
        FROM reservations q
        LEFT JOIN order_contacts c ON c.order_id = q.order_id
        CROSS JOIN LATERAL (
            SELECT coalesce(c.shipping_address ->> 'country', '') AS country,
                coalesce(c.shipping_address ->> 'postal_code', '') AS postal_code
        ) d
        WHERE q.status = 'backordered' AND q.sku = w.sku AND rules.bound
    ) h WHERE h.nth <= w.free
) r;

-- name: keep_reservations
-- What many orders got, in one round trip: claims on units of a warehouse (or, without one, on a
-- place in the queue), the lines' counters, the timeline, and that the step is done.
WITH claims AS (
    INSERT INTO reservations
        (order_id, line_id, sku, warehouse, quantity, status, cause, priority, queued_at)
    SELECT c.order_id, c.line_id, c.sku, c.warehouse, c.quantity, c.status, c.cause,
        coalesce(c.priority, 0), c.queued_at
    FROM unnest(unpacked($1), unpacked($2), unpacked($3), unpacked($4), unpacked($5)::int[],
            unpacked($6), unpacked($7), unpacked($8)::int[], unpacked($9)::timestamptz[])
        AS c (order_id, line_id, sku, warehouse, quantity, status, cause, priority, queued_at)
), lines AS (
    UPDATE order_lines l SET open = l.open + coalesce(m.open, 0),
        allocated = l.allocated + coalesce(m.allocated, 0),
        backordered = l.backordered + coalesce(m.backordered, 0),
        canceled = l.canceled + coalesce(m.canceled, 0)
    FROM unnest(unpacked($10), unpacked($11)::int[], unpacked($12)::int[], unpacked($13)::int[],
            unpacked($14)::int[])
        AS m (line_id, open, allocated, backordered, canceled)
    WHERE l.id = m.line_id
), told AS (
    INSERT INTO events (order_id, type, actor, role, data)
    SELECT e.order_id, e.type, 'kervan', 'system', e.data
    FROM unnest(unpacked($15), unpacked($16), unpacked($17)::jsonb[]) AS e (order_id, type, data)
)
INSERT INTO steps (order_id, cause, result)
SELECT * FROM unnest(unpacked($18), unpacked($19), unpacked($20)::jsonb[]);

-- name: waiting_claims
-- Places in the queue of these orders' lines, oldest first.
SELECT id, order_id, line_id, quantity FROM reservations
WHERE order_id = ANY($1::text[]) AND status = 'backordered' ORDER BY order_id, id;

-- name: end_waiting
-- Units that wait no more: whole claims end, others shrink.
WITH shrunk AS (
    UPDATE reservations r SET quantity = r.quantity - s.units, updated_at = now()
    FROM unnest($2::bigint[], $3::int[]) AS s (id, units) WHERE r.id = s.id
)
UPDATE reservations SET status = 'released', updated_at = now() WHERE id = ANY($1::bigint[]);

-- name: pass_over
-- These orders asked in vain while units were free, which are kept for somebody ahead of them.
UPDATE reservations SET passed_over = true
WHERE order_id = ANY($1::text[]) AND sku = ANY($2::text[]) AND status = 'backordered'
  AND NOT passed_over;

-- name: recall_passed_over
-- Who was passed over asks again, now that somebody ahead was served or left.
WITH again AS (
    UPDATE reservations SET passed_over = false
    WHERE sku = ANY($1::text[]) AND status = 'backordered' AND passed_over
    RETURNING order_id, priority, queued_at
)
INSERT INTO outbox (order_id, kind, payload)
SELECT w.order_id, 'stock_arrived', jsonb_build_object('cause', $2::text)
FROM (
    SELECT order_id, max(priority) AS priority, min(queued_at) AS queued_at
    FROM again GROUP BY order_id
) w
ORDER BY w.priority DESC, w.queued_at, w.order_id;
