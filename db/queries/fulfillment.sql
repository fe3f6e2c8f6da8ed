-- name: unassigned_claims
-- Allocated units that no location was asked to prepare yet.
SELECT r.line_id, r.sku, r.warehouse, r.quantity - coalesce(w.asked, 0) AS quantity
FROM (
    SELECT line_id, sku, warehouse, sum(quantity)::int AS quantity
    FROM reservations WHERE order_id = $1 AND status = 'allocated'
    GROUP BY line_id, sku, warehouse
) r
LEFT JOIN (
    SELECT l.line_id, f.warehouse, sum(l.quantity - l.short - l.canceled - l.shipped)::int AS asked
    FROM fulfillment_order_lines l
    JOIN fulfillment_orders f ON f.id = l.fulfillment_order_id
    WHERE f.order_id = $1 AND f.status <> 'cancelled'
    GROUP BY l.line_id, f.warehouse
) w ON w.line_id = r.line_id AND w.warehouse = r.warehouse
WHERE r.quantity > coalesce(w.asked, 0)
ORDER BY r.warehouse, r.line_id;

-- name: was_short
-- Whether a location of this order has ever reported units missing.
SELECT EXISTS (SELECT FROM fulfillment_orders f
    JOIN fulfillment_order_lines l ON l.fulfillment_order_id = f.id
    WHERE f.order_id = $1 AND l.short > 0);

-- name: open_work
INSERT INTO fulfillment_orders (id, order_id, warehouse, status, held_status, cause, due_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7));

-- name: open_work_lines
INSERT INTO fulfillment_order_lines (fulfillment_order_id, line_id, sku, quantity)
SELECT $1, l.line_id, l.sku, l.quantity
FROM unnest($2::text[], $3::text[], $4::int[]) AS l (line_id, sku, quantity);

-- name: set_work_status
UPDATE fulfillment_orders SET status = $2, updated_at = now() WHERE id = $1;

-- name: hold_work
-- Remembers where the work stood, for the release.
UPDATE fulfillment_orders SET held_status = status, status = 'on_hold', updated_at = now()
WHERE order_id = $1 AND status IN ('open', 'scheduled', 'in_progress');

-- name: release_work
UPDATE fulfillment_orders SET status = coalesce(held_status, 'open'), held_status = NULL,
    overdue_flagged = false, due_at = greatest(due_at, now() + make_interval(secs => $2)),
    updated_at = now()
WHERE order_id = $1 AND status = 'on_hold';

-- name: cancel_work
UPDATE fulfillment_orders SET status = 'cancelled', updated_at = now()
WHERE order_id = $1 AND status IN ('open', 'scheduled', 'in_progress', 'on_hold', 'incomplete');

-- name: cancel_work_units
UPDATE fulfillment_order_lines SET canceled = canceled + $3,
    picked = least(picked, quantity - short - canceled - $3)
WHERE fulfillment_order_id = $1 AND line_id = $2;

-- name: add_picked
-- What the warehouse found and did not find.
UPDATE fulfillment_order_lines SET picked = picked + $3, short = short + $4
WHERE fulfillment_order_id = $1 AND line_id = $2;

-- name: add_packed
-- Packing what was not reported as picked implies the pick.
UPDATE fulfillment_order_lines SET packed = packed + $3, picked = greatest(picked, packed + $3)
WHERE fulfillment_order_id = $1 AND line_id = $2;

-- name: unpack
-- A canceled parcel's units go back to the shelf.
UPDATE fulfillment_order_lines l SET packed = l.packed - c.quantity
FROM shipment_lines c JOIN shipments s ON s.id = c.shipment_id
WHERE c.shipment_id = $1 AND l.fulfillment_order_id = s.fulfillment_order_id
  AND l.line_id = c.line_id;

-- name: add_shipped
UPDATE fulfillment_order_lines SET shipped = shipped + $3
WHERE fulfillment_order_id = $1 AND line_id = $2;

-- name: add_shipment
INSERT INTO shipments (id, order_id, fulfillment_order_id, status, provider, service,
    weight_g, length_mm, width_mm, height_mm, packed_at)
VALUES ($1, $2, $3, 'packed', $4, $5, $6, $7, $8, $9, coalesce($10, now()));

-- name: add_shipment_lines
INSERT INTO shipment_lines (shipment_id, line_id, quantity)
SELECT $1, l.line_id, l.quantity FROM unnest($2::text[], $3::int[]) AS l (line_id, quantity);

-- name: shipment_for_label
-- What a carrier needs to know of a parcel; the address leaves the database here only.
SELECT s.id, s.order_id, s.provider, s.service, s.status, s.weight_g, s.length_mm, s.width_mm,
    s.height_mm, o.currency, o.grand_total, c.shipping_address,
    w.code AS warehouse, w.name AS warehouse_name, w.line1, w.city, w.postal_code, w.country
FROM shipments s
JOIN orders o ON o.id = s.order_id
JOIN order_contacts c ON c.order_id = s.order_id
JOIN fulfillment_orders f ON f.id = s.fulfillment_order_id
JOIN warehouses w ON w.code = f.warehouse
WHERE s.id = $1;

-- name: keep_label
-- What the carrier sold. Its number is how the carrier's news find the parcel.
UPDATE shipments SET carrier = $2, service = $3, provider_ref = $4, tracking_number = $5,
    tracking_url = $6, label_url = $7, label_cost = $8, label_currency = $9, estimated_at = $10,
    tracking_status = CASE tracking_status WHEN 'unknown' THEN 'pre_transit'
        ELSE tracking_status END,
    updated_at = now()
WHERE id = $1;

-- name: set_shipment_status
UPDATE shipments SET status = $2, updated_at = now(),
    shipped_at = CASE WHEN $2 = 'shipped' THEN coalesce(shipped_at, $3, now()) ELSE shipped_at END,
    delivered_at = CASE WHEN $2 = 'delivered' THEN coalesce(delivered_at, $3, now())
        ELSE delivered_at END,
    due_at = CASE WHEN $2 = 'shipped'
        THEN greatest(now(), coalesce(estimated_at, now())) + make_interval(secs => $4)
        ELSE due_at END
WHERE id = $1;

-- name: find_shipment
-- The parcel that a carrier's news is about.
SELECT id, order_id, status, tracking_status, tracking_at FROM shipments
WHERE provider = $1 AND tracking_number = $2;

-- name: add_scan
-- Every scan once.
INSERT INTO tracking_events (shipment_id, event_id, status, detail, occurred_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id;

-- name: save_tracking
UPDATE shipments SET tracking_status = $2, tracking_at = $3,
    estimated_at = coalesce($4, estimated_at), proof = coalesce($5, proof), updated_at = now()
WHERE id = $1;

-- name: keep_estimate
UPDATE shipments SET estimated_at = $2, updated_at = now() WHERE id = $1;
