-- name: lock_order
-- Makes the caller the only writer of this order until its transaction ends.
SELECT 1 FROM orders WHERE id = $1 FOR NO KEY UPDATE;

-- name: load_order
-- The whole snapshot in one round trip, parts as JSON arrays in a stable order.
SELECT
    o.id, o.currency, o.shipping_total, o.grand_total - o.shipping_total - o.surcharge_total
        - (SELECT coalesce(sum(l.total), 0)::bigint FROM order_lines l WHERE l.order_id = o.id)
        AS shipping_tax, o.surcharge_total, o.grand_total, o.out_of_stock, o.ship,
    o.shipping_option, o.priority, o.version, o.status, o.payment_status, o.fulfillment_status,
    o.return_status, o.given_back, o.credited, o.cancel_fee,
    o.cancel_requested_at IS NOT NULL AS cancel_requested,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', l.id, 'sku', l.sku, 'quantity', l.quantity, 'total', l.total, 'open', l.open,
        'allocated', l.allocated, 'backordered', l.backordered, 'shipped', l.shipped,
        'canceled', l.canceled, 'returned', l.returned, 'refunded', l.refunded,
        'out_of_stock', l.out_of_stock, 'given_back', l.given_back
     ) ORDER BY l.position), '[]') FROM order_lines l WHERE l.order_id = o.id) AS lines,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', p.id, 'position', p.position, 'method', p.method, 'provider', p.provider,
        'capture', p.capture, 'amount', p.amount, 'status', p.status,
        'authorized', p.authorized, 'captured', p.captured, 'refunded', p.refunded,
        'provider_ref', coalesce(p.provider_ref, ''), 'refunding', p.refunding,
        'action_required', p.client_action IS NOT NULL AND p.status = 'pending'
     ) ORDER BY p.position), '[]') FROM payments p WHERE p.order_id = o.id) AS tenders,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', f.id, 'warehouse', f.warehouse, 'status', f.status,
        'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'line_id', w.line_id, 'sku', w.sku, 'quantity', w.quantity, 'picked', w.picked,
            'short', w.short, 'packed', w.packed, 'shipped', w.shipped, 'canceled', w.canceled
         ) ORDER BY w.line_id), '[]')
         FROM fulfillment_order_lines w WHERE w.fulfillment_order_id = f.id)
     ) ORDER BY f.id), '[]') FROM fulfillment_orders f WHERE f.order_id = o.id)
        AS fulfillment_orders,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', s.id, 'fulfillment_order_id', s.fulfillment_order_id, 'status', s.status,
        'tracking_status', s.tracking_status, 'provider', coalesce(s.provider, ''),
        'provider_ref', coalesce(s.provider_ref, ''),
        'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'line_id', c.line_id, 'quantity', c.quantity, 'written_off', c.written_off,
            'came_back', c.came_back
         ) ORDER BY c.line_id), '[]')
         FROM shipment_lines c WHERE c.shipment_id = s.id),
        'received', EXISTS (SELECT FROM parcel_endings e
            WHERE e.shipment_id = s.id AND e.received_at IS NOT NULL),
        'intercepted', EXISTS (SELECT FROM parcel_endings e
            WHERE e.shipment_id = s.id AND e.intercepted_at IS NOT NULL)
     ) ORDER BY s.id), '[]') FROM shipments s WHERE s.order_id = o.id) AS shipments,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', s.id, 'line_id', s.line_id, 'sku', s.sku, 'quantity', s.quantity,
        'status', s.status, 'expires_at', s.expires_at
     ) ORDER BY s.id), '[]') FROM substitution_offers s WHERE s.order_id = o.id) AS offers,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'reason', h.reason)
     ORDER BY h.created_at, h.id), '[]')
     FROM holds h WHERE h.order_id = o.id AND h.released_at IS NULL) AS holds
FROM orders o WHERE o.id = $1;

-- name: save_axes
-- The only statement that writes an order's axes; each writes a new version.
UPDATE orders SET
    status = $2, payment_status = $3, fulfillment_status = $4, return_status = $5,
    version = version + 1, updated_at = now(),
    confirmed_at = CASE WHEN $2 = 'confirmed' THEN coalesce(confirmed_at, now()) ELSE confirmed_at END,
    delivered_at = CASE WHEN $4 = 'delivered' THEN coalesce(delivered_at, now()) ELSE delivered_at END,
    closed_at = CASE WHEN $2 IN ('completed', 'canceled', 'expired')
        THEN coalesce(closed_at, now()) ELSE closed_at END
WHERE id = $1
RETURNING version;

-- name: request_cancel
-- A cancellation is visible from its request until money and goods are settled.
UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now()),
    cancel_reason = coalesce(cancel_reason, $2)
WHERE id = $1;

-- name: keep_cancel_fee
UPDATE orders SET cancel_fee = $2 WHERE id = $1;

-- name: end_cancel
-- It could not be carried out: a parcel that was to come back was delivered.
UPDATE orders SET cancel_requested_at = NULL, cancel_reason = NULL, cancel_fee = 0 WHERE id = $1;

-- name: begin_step
-- Claims a step; no row means that it was done before.
INSERT INTO steps (order_id, cause) VALUES ($1, $2)
ON CONFLICT DO NOTHING RETURNING true;

-- name: finish_step
-- Keeps what the step answered, for a caller that asks again.
UPDATE steps SET result = $3 WHERE order_id = $1 AND cause = $2;

-- name: step_result
-- What a finished step answered.
SELECT result FROM steps WHERE order_id = $1 AND cause = $2;

-- name: cancel_units
-- Takes units out of a line: first open ones, then backordered, then allocated ones.
UPDATE order_lines SET
    canceled = canceled + $2,
    open = open - least(open, $2),
    backordered = backordered - least(backordered, $2 - least(open, $2)),
    allocated = allocated
        - ($2 - least(open, $2) - least(backordered, $2 - least(open, $2)))
WHERE id = $1;

-- name: move_line_units
-- Moves units of a line between its counters; the CHECK on the row keeps the sum.
UPDATE order_lines SET
    open = open + $2, allocated = allocated + $3, backordered = backordered + $4,
    shipped = shipped + $5, canceled = canceled + $6
WHERE id = $1;

-- name: add_hold
INSERT INTO holds (id, order_id, reason, note, actor, ends_at, at_end)
VALUES ($1, $2, $3, (SELECT note FROM events WHERE id = $5), $4, $6, $7)
ON CONFLICT DO NOTHING;

-- name: claim_ended_holds
-- Holds of living orders whose time is over, each flagged once.
UPDATE holds SET end_flagged = true
WHERE id IN (
    SELECT h.id FROM holds h JOIN orders o ON o.id = h.order_id
    WHERE h.ends_at < now() AND h.released_at IS NULL AND NOT h.end_flagged
        AND o.status IN ('pending', 'confirmed')
    ORDER BY h.ends_at LIMIT $1 FOR UPDATE OF h SKIP LOCKED)
RETURNING id, order_id, at_end;

-- name: release_hold
UPDATE holds SET released_at = now(), released_by = $2 WHERE id = $1 AND released_at IS NULL;

-- name: set_attention
-- Its age counts from the first time.
INSERT INTO attention (order_id, code, subject, detail, can) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (order_id, code, subject) DO UPDATE SET detail = excluded.detail, can = excluded.can
RETURNING xmax = 0;

-- name: clear_attention
DELETE FROM attention WHERE order_id = $1 AND code = $2 AND subject = $3 RETURNING true;

-- name: clear_all_attention
DELETE FROM attention WHERE order_id = $1 AND code <> ALL($2::text[]);
