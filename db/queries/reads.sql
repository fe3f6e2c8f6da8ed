-- name: read_orders
-- Orders with all their parts, in the order of the ids asked for. No token of a payment is read.
SELECT o.id, o.number, o.channel, o.channel_order_id, o.customer_id, o.currency, o.locale,
    o.status, o.payment_status, o.fulfillment_status, o.return_status, o.out_of_stock, o.ship,
    o.shipping_option, o.priority, o.prices_include_tax, o.subtotal, o.discount_total,
    o.shipping_total, o.surcharge_total, o.tax_total, o.grand_total, o.discounts, o.surcharges,
    o.metadata, o.public_token, o.cancel_requested_at, o.cancel_reason, o.cancel_fee, o.placed_at, o.created_at,
    o.updated_at, o.confirmed_at, o.delivered_at, o.closed_at, o.version,
    o.as_placed,
    (SELECT to_jsonb(c) - 'order_id' FROM order_contacts c WHERE c.order_id = o.id) AS contact,
    (SELECT jsonb_agg(to_jsonb(l) - 'order_id' ORDER BY l.position)
        FROM order_lines l WHERE l.order_id = o.id) AS lines,
    (SELECT jsonb_agg(to_jsonb(p) - '{order_id,token,provider_ref,expiry_flagged}'::text[]
            ORDER BY p.position)
        FROM payments p WHERE p.order_id = o.id) AS payments,
    (SELECT jsonb_agg(to_jsonb(f) - '{order_id,held_status,cause,overdue_flagged}'::text[]
            || jsonb_build_object('lines',
                (SELECT jsonb_agg(to_jsonb(fl) - 'fulfillment_order_id' ORDER BY fl.line_id)
                    FROM fulfillment_order_lines fl WHERE fl.fulfillment_order_id = f.id))
            ORDER BY f.id)
        FROM fulfillment_orders f WHERE f.order_id = o.id) AS fulfillment_orders,
    (SELECT jsonb_agg(to_jsonb(s) - '{order_id,provider_ref,overdue_flagged}'::text[]
            || jsonb_build_object(
                'lines', (SELECT jsonb_agg(to_jsonb(sl) - 'shipment_id' ORDER BY sl.line_id)
                    FROM shipment_lines sl WHERE sl.shipment_id = s.id),
                'scans', (SELECT count(*) FROM tracking_events t WHERE t.shipment_id = s.id),
                'last_scan', (SELECT to_jsonb(t) - '{id,shipment_id,event_id}'::text[]
                    FROM tracking_events t WHERE t.shipment_id = s.id
                    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1),
                'trouble', (SELECT to_jsonb(e)
                        - '{shipment_id,order_id,tell_customer,flagged}'::text[]
                    FROM parcel_endings e WHERE e.shipment_id = s.id))
            ORDER BY s.id)
        FROM shipments s WHERE s.order_id = o.id) AS shipments,
    (SELECT jsonb_agg(to_jsonb(s) - '{order_id,expiry_flagged}'::text[]
            || jsonb_build_object('name', i.name) ORDER BY s.id)
        FROM substitution_offers s JOIN items i ON i.sku = s.sku WHERE s.order_id = o.id)
        AS substitutions,
    (SELECT jsonb_agg(to_jsonb(h) - 'order_id' ORDER BY h.created_at, h.id)
        FROM holds h WHERE h.order_id = o.id AND h.released_at IS NULL) AS holds,
    (SELECT jsonb_agg(to_jsonb(a) - 'order_id' ORDER BY a.since, a.code, a.subject)
        FROM attention a WHERE a.order_id = o.id) AS attention,
    (SELECT jsonb_agg(to_jsonb(r) || jsonb_build_object('lines',
            (SELECT jsonb_agg(to_jsonb(g) - 'return_id' ORDER BY g.line_id)
                FROM return_lines g WHERE g.return_id = r.id),
            'exchange', (SELECT jsonb_build_object('id', e.id, 'status', e.status,
                    'new_order_id', n.id, 'new_order_number', n.number)
                FROM exchanges e JOIN orders n ON n.id = e.new_order_id
                WHERE e.order_id = r.order_id AND e.return_id = r.id
                ORDER BY e.id DESC LIMIT 1)) ORDER BY r.id)
        FROM returns r WHERE r.order_id = o.id) AS returns,
    (SELECT jsonb_agg(to_jsonb(e) || jsonb_build_object('new_order_number', n.number) ORDER BY e.id)
        FROM exchanges e JOIN orders n ON n.id = e.new_order_id
        WHERE e.order_id = o.id OR e.new_order_id = o.id) AS exchanges,
    (SELECT jsonb_agg(to_jsonb(b) - 'order_id' ORDER BY b.created_at, b.id)
        FROM feedback b WHERE b.order_id = o.id) AS feedback,
    (SELECT jsonb_agg(jsonb_build_object('id', f.id, 'status', f.status, 'to', f.destination,
            'reason', f.reason, 'amount', f.amount, 'created_at', f.created_at,
            'ended_at', f.ended_at) ORDER BY f.id)
        FROM refunds f WHERE f.order_id = o.id) AS refunds
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
JOIN orders o ON o.id = wanted.id
ORDER BY wanted.place;

-- name: order_axes
-- Where an order stands, without its parts.
SELECT status, payment_status, fulfillment_status, return_status FROM orders WHERE id = $1;

-- name: order_by_token
SELECT id FROM orders WHERE public_token = $1;

-- name: exchanged_with
-- Orders that were sent in place of goods of this one (`later`), and the one whose goods this one
-- was sent for; with the tokens of their pages, which are for their customer alone.
SELECT e.id, e.return_id, true AS later, n.number, n.status, n.public_token
FROM exchanges e JOIN orders n ON n.id = e.new_order_id WHERE e.order_id = $1
UNION ALL
SELECT e.id, e.return_id, false, o.number, o.status, o.public_token
FROM exchanges e JOIN orders o ON o.id = e.order_id WHERE e.new_order_id = $1
ORDER BY id;

-- name: fulfillment_order_owner
-- Whose work it is.
SELECT order_id FROM fulfillment_orders WHERE id = $1;

-- name: read_work
-- Fulfillment orders with their lines and parcels.
SELECT f.id, f.order_id, o.number AS order_number, o.status AS order_status, o.priority,
    o.shipping_option, o.placed_at, f.warehouse, f.status, f.due_at, f.created_at, f.updated_at,
    (SELECT jsonb_agg(to_jsonb(fl) - 'fulfillment_order_id'
            || jsonb_build_object('name', l.name) ORDER BY l.position)
        FROM fulfillment_order_lines fl JOIN order_lines l ON l.id = fl.line_id
        WHERE fl.fulfillment_order_id = f.id) AS lines,
    (SELECT jsonb_agg(to_jsonb(s) - '{order_id,provider_ref,overdue_flagged}'::text[]
            || jsonb_build_object(
                'lines', (SELECT jsonb_agg(to_jsonb(sl) - 'shipment_id' ORDER BY sl.line_id)
                    FROM shipment_lines sl WHERE sl.shipment_id = s.id),
                'scans', (SELECT count(*) FROM tracking_events t WHERE t.shipment_id = s.id),
                'last_scan', (SELECT to_jsonb(t) - '{id,shipment_id,event_id}'::text[]
                    FROM tracking_events t WHERE t.shipment_id = s.id
                    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1),
                'trouble', (SELECT to_jsonb(e)
                        - '{shipment_id,order_id,tell_customer,flagged}'::text[]
                    FROM parcel_endings e WHERE e.shipment_id = s.id))
            ORDER BY s.id)
        FROM shipments s WHERE s.fulfillment_order_id = f.id) AS shipments
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
JOIN fulfillment_orders f ON f.id = wanted.id
JOIN orders o ON o.id = f.order_id
ORDER BY wanted.place;

-- name: newest_events
-- An order's timeline before an event, newest first.
SELECT id, type, actor, role, data, note, occurred_at, recorded_at FROM events
WHERE order_id = $1 AND ($2::bigint IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: oldest_events
-- An order's timeline after an event, oldest first.
SELECT id, type, actor, role, data, note, occurred_at, recorded_at FROM events
WHERE order_id = $1 AND ($2::bigint IS NULL OR id > $2)
ORDER BY id LIMIT $3;

-- name: fresh_events
-- What happened to any of these orders, each after the event its reader has seen.
SELECT e.order_id, e.id, e.type, e.actor, e.role, e.data, e.note, e.occurred_at, e.recorded_at
FROM unnest($1::text[], $2::bigint[]) AS seen (order_id, id)
JOIN events e ON e.order_id = seen.order_id AND e.id > seen.id
ORDER BY e.id LIMIT 1000;

-- name: closed_orders
-- Which of these orders have ended.
SELECT id FROM orders
WHERE id = ANY($1::text[]) AND status IN ('completed', 'canceled', 'expired');

-- name: stock_levels
-- Levels by item and warehouse, with what is free to promise.
SELECT sku, warehouse, on_hand, allocated, held, safety, damaged, quarantined,
    on_hand - allocated - held - safety - damaged AS available, incoming, placed
FROM stock_levels
WHERE ($1::text IS NULL OR sku = $1) AND ($2::text IS NULL OR warehouse = $2)
  AND ($3::text IS NULL OR (sku, warehouse) > ($3, $4))
ORDER BY sku, warehouse LIMIT $5;

-- name: stock_movements
-- The stock ledger, newest first.
SELECT id, sku, warehouse, kind, on_hand, allocated, held, safety, damaged, quarantined, incoming,
    cause, order_id, nullif(line_id, '') AS line_id, reason, actor, occurred_at
FROM stock_movements
WHERE ($1::text IS NULL OR sku = $1) AND ($2::text IS NULL OR warehouse = $2)
  AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR order_id = $4)
  AND ($5::bigint IS NULL OR id < $5)
ORDER BY id DESC LIMIT $6;

-- name: backlog
-- How much news waits and for how long (seconds), and how many orders wait for a person.
SELECT
    (SELECT count(*) FROM outbox) AS outbox_rows,
    (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox)
        AS outbox_age,
    (SELECT count(*) FROM inbox WHERE processed_at IS NULL) AS inbox_rows,
    (SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 FROM inbox
        WHERE processed_at IS NULL) AS inbox_age,
    (SELECT count(DISTINCT order_id) FROM attention) AS attention_orders;

-- name: ping
SELECT 1;
