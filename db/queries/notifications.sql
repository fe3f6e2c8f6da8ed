-- name: plan_notification
-- A milestone is told once per subject.
INSERT INTO notifications (id, order_id, milestone, subject, data)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (order_id, milestone, subject) DO NOTHING;

-- name: plan_notifications
-- The same milestone of many orders, each once.
INSERT INTO notifications (id, order_id, milestone, data)
SELECT n.id, n.order_id, $3, n.data
FROM unnest($1::text[], $2::text[], $4::jsonb[]) AS n (id, order_id, data)
ON CONFLICT (order_id, milestone, subject) DO NOTHING;

-- name: notification
SELECT n.id, n.order_id, n.milestone, n.subject, n.status, n.data, o.number, o.channel, o.locale,
    o.currency, o.public_token, o.placed_at, o.subtotal, o.discount_total, o.shipping_total,
    o.surcharge_total, o.tax_total, o.grand_total, o.prices_include_tax, o.cancel_reason,
    c.name, c.email
FROM notifications n JOIN orders o ON o.id = n.order_id
JOIN order_contacts c ON c.order_id = n.order_id
WHERE n.id = $1;

-- name: notification_lines
-- The lines a mail is about: all of the order's, or those in one parcel, with the units in it.
SELECT l.id, l.name, coalesce(c.quantity, l.quantity) AS quantity,
    l.total * coalesce(c.quantity, l.quantity) / l.quantity AS total,
    l.quantity - l.canceled AS live
FROM order_lines l LEFT JOIN shipment_lines c ON c.line_id = l.id AND c.shipment_id = $2
WHERE l.order_id = $1 AND ($2 = '' OR c.shipment_id IS NOT NULL) ORDER BY l.position;

-- name: live_units
SELECT sum(quantity - canceled)::int FROM order_lines WHERE order_id = $1;

-- name: notification_shipments
SELECT id, carrier, tracking_number, tracking_url, delivered_at, estimated_at FROM shipments
WHERE order_id = $1 AND ($2 = '' OR id = $2) AND tracking_number IS NOT NULL
ORDER BY id;

-- name: settle_notification
UPDATE notifications SET status = $2, reason = $3,
    sent_at = CASE WHEN $2 = 'sent' THEN now() END
WHERE id = $1 AND status = 'pending';
