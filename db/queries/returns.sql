-- name: read_return_rules
-- The rules in the order in which they are looked at.
SELECT decides, label, shipping_paid_by, fee, currency, refund_to, expires_seconds,
    window_seconds, country, category, reason, exchange_sent
FROM return_policies ORDER BY position;

-- name: lock_return_rules
-- Changes of the rules come one after the other; readers go on.
LOCK TABLE return_policies IN SHARE ROW EXCLUSIVE MODE;

-- name: drop_return_rules
DELETE FROM return_policies;

-- name: add_return_rule
INSERT INTO return_policies (position, decides, label, shipping_paid_by, fee, currency, refund_to,
    expires_seconds, window_seconds, country, category, reason, exchange_sent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: return_facts
-- What the rules look at: whereto it went, and how long ago the last of it was delivered.
SELECT coalesce((SELECT c.shipping_address ->> 'country' FROM order_contacts c
        WHERE c.order_id = $1), '') AS country,
    extract(epoch FROM now() - (SELECT max(s.delivered_at) FROM shipments s
        WHERE s.order_id = $1 AND s.status = 'delivered'))::float8 AS age;

-- name: return_categories
-- The items' categories, by item.
SELECT sku, coalesce(category, '') AS category FROM items WHERE sku = ANY($1::text[]);

-- name: taken_by_returns
-- Units of the order's lines that are in a return, or came back by one.
SELECT l.line_id, sum(CASE WHEN r.status = 'closed'
        THEN l.restocked + l.refurbished + l.damaged + l.scrapped
        ELSE greatest(l.quantity, l.received) - l.rejected END)::int AS units
FROM returns r JOIN return_lines l ON l.return_id = r.id
WHERE r.order_id = $1 AND r.status NOT IN ('declined', 'canceled', 'expired')
    AND ($2::text IS NULL OR r.id <> $2)
GROUP BY l.line_id;

-- name: home_of_return
-- Where an order's goods came from last, and by whose labels: that is where they go back.
SELECT f.warehouse, s.provider, coalesce(s.service, o.shipping_option) AS service
FROM shipments s JOIN fulfillment_orders f ON f.id = s.fulfillment_order_id
JOIN orders o ON o.id = s.order_id
WHERE s.order_id = $1 AND s.shipped_at IS NOT NULL
ORDER BY EXISTS (SELECT FROM shipment_lines l
    WHERE l.shipment_id = s.id AND l.line_id = ANY($2::text[])) DESC, s.shipped_at DESC LIMIT 1;

-- name: add_return
INSERT INTO returns (id, order_id, number, status, announced, decides, label, shipping_paid_by,
    fee, refund_to, expires_seconds, why, warehouse, provider, service, requested_by,
    refund_due_at, exchange_sent, wants)
VALUES ($1, $2, 'R-' || nextval('return_numbers'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
    $14, $15, now() + make_interval(secs => $16), $17, $18)
RETURNING number;

-- name: add_return_line
INSERT INTO return_lines (return_id, line_id, sku, quantity, reason, note, photos)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: announce_nothing
-- A line of the order that came with a return and was not announced.
INSERT INTO return_lines (return_id, line_id, sku, quantity, reason)
VALUES ($1, $2, $3, 0, 'other') ON CONFLICT DO NOTHING;

-- name: owner_of_return
SELECT order_id FROM returns WHERE id = $1;

-- name: load_return
-- The snapshot that a workflow carries: no personal data.
SELECT r.id, r.order_id, r.number, r.status, r.decides, r.label, r.shipping_paid_by, r.fee,
    r.refund_to, r.refund_due_at, r.tracking_number IS NOT NULL AS has_label,
    CASE WHEN r.label_currency = o.currency THEN coalesce(r.label_cost, 0) ELSE 0 END
        AS label_cost,
    r.expires_at, r.remind_at, r.reminded_at IS NOT NULL AS reminded, r.refund_amount,
    r.exchange_sent, r.wants, r.back_label IS NOT NULL AS has_back_label,
    coalesce(r.refund_id, '') AS refund_id,
    (SELECT coalesce(jsonb_agg(to_jsonb(l) - '{return_id,note,photos}'::text[]
        ORDER BY l.line_id), '[]') FROM return_lines l WHERE l.return_id = r.id) AS lines,
    (SELECT coalesce(array_agg(a.code ORDER BY a.code), '{}') FROM attention a
        WHERE a.order_id = r.order_id AND a.subject = r.id) AS attention
FROM returns r JOIN orders o ON o.id = r.order_id WHERE r.id = $1;

-- name: move_return
-- The status, with the times that belong to it; the time to send it runs from the approval.
UPDATE returns SET status = $2, updated_at = now(), reason_code = coalesce($3, reason_code),
    decided_at = CASE WHEN $2 IN ('approved', 'declined') THEN now() ELSE decided_at END,
    expires_at = CASE WHEN $2 = 'approved' OR $2 = 'partially_received' AND expires_at IS NULL
        THEN now() + make_interval(secs => expires_seconds) ELSE expires_at END,
    remind_at = CASE WHEN $2 = 'approved' THEN now() + make_interval(secs => expires_seconds / 2.0)
        ELSE remind_at END,
    received_at = CASE WHEN $2 IN ('partially_received', 'received')
        THEN coalesce(received_at, now()) ELSE received_at END,
    inspected_at = CASE WHEN $2 = 'inspected' THEN now() ELSE inspected_at END,
    closed_at = CASE WHEN $2 IN ('closed', 'declined', 'canceled', 'expired') THEN now()
        ELSE closed_at END
WHERE id = $1;

-- name: statuses_of_returns
-- What the order's axis is rolled up from.
SELECT r.status, (SELECT coalesce(sum(restocked + refurbished + damaged + scrapped), 0)::int
    FROM return_lines l WHERE l.return_id = r.id) AS accepted
FROM returns r WHERE r.order_id = $1;

-- name: remind_return
UPDATE returns SET reminded_at = now() WHERE id = $1;

-- name: return_for_label
-- What a carrier needs to know of it; the customer's address leaves the database here only.
-- $2: of the units that were rejected alone.
SELECT r.id, r.order_id, r.provider, r.service, o.currency, c.shipping_address,
    w.name AS warehouse_name, w.line1, w.city, w.postal_code, w.country,
    (SELECT coalesce(sum(CASE WHEN $2 THEN l.rejected ELSE l.quantity END
            * coalesce(nullif(i.weight_g, 0), 1)), 1)::int
        FROM return_lines l JOIN items i ON i.sku = l.sku WHERE l.return_id = r.id) AS weight_g,
    (SELECT coalesce(sum(x.total * CASE WHEN $2 THEN l.rejected ELSE l.quantity END
            / x.quantity), 0)::bigint
        FROM return_lines l JOIN order_lines x ON x.id = l.line_id WHERE l.return_id = r.id)
        AS value
FROM returns r
JOIN orders o ON o.id = r.order_id
JOIN order_contacts c ON c.order_id = o.id
JOIN warehouses w ON w.code = r.warehouse
WHERE r.id = $1;

-- name: keep_return_label
-- What the carrier sold. Its number is how the carrier's news find the return.
UPDATE returns SET carrier = $2, provider_ref = $3, tracking_number = $4, tracking_url = $5,
    label_url = $6, label_cost = $7, label_currency = $8, updated_at = now(),
    tracking_status = CASE tracking_status WHEN 'unknown' THEN 'pre_transit'
        ELSE tracking_status END
WHERE id = $1 AND tracking_number IS NULL;

-- name: keep_back_label
-- By which rejected goods go back to the customer; kept once.
UPDATE returns SET back_label = $2, updated_at = now() WHERE id = $1 AND back_label IS NULL;

-- name: find_return_by_tracking
SELECT id, order_id, tracking_status, tracking_at FROM returns
WHERE provider = $1 AND tracking_number = $2;

-- name: track_return
UPDATE returns SET tracking_status = $2, tracking_at = $3, updated_at = now() WHERE id = $1;

-- name: receive_units
UPDATE return_lines SET received = received + $3 WHERE return_id = $1 AND line_id = $2;

-- name: count_receipt
-- One more delivery of it; its number makes the movements' cause.
UPDATE returns SET receipts = receipts + 1, warehouse = $2 WHERE id = $1 RETURNING receipts;

-- name: put_units
-- More units that wait to be looked at.
INSERT INTO return_places (return_id, line_id, warehouse, units) VALUES ($1, $2, $3, $4)
ON CONFLICT (return_id, line_id, warehouse)
    DO UPDATE SET units = return_places.units + excluded.units;

-- name: take_units
UPDATE return_places SET units = units - $4
WHERE return_id = $1 AND line_id = $2 AND warehouse = $3;

-- name: accepted_of_order
-- Units of the order's lines that were accepted, by all its returns.
SELECT l.line_id, sum(l.restocked + l.refurbished + l.damaged + l.scrapped)::int AS units
FROM returns r JOIN return_lines l ON l.return_id = r.id WHERE r.order_id = $1 GROUP BY l.line_id;

-- name: places_of_line
-- Where units of a return's line wait to be looked at.
SELECT warehouse, units FROM return_places
WHERE return_id = $1 AND line_id = $2 AND units > 0 ORDER BY warehouse;

-- name: serials_that_came
-- Pieces of an item that came with a return, and are at a warehouse still.
SELECT s.serial FROM serials s
WHERE s.sku = $2 AND s.status = 'in_stock' AND s.warehouse = $3
    AND EXISTS (SELECT FROM serial_movements m WHERE m.sku = s.sku AND m.serial = s.serial
        AND m.cause LIKE $1 || ':receive:%')
ORDER BY s.serial;

-- name: count_inspection
UPDATE returns SET inspections = inspections + 1 WHERE id = $1 RETURNING inspections;

-- name: inspect_units
UPDATE return_lines SET restocked = restocked + $3, refurbished = refurbished + $4,
    damaged = damaged + $5, scrapped = scrapped + $6, rejected = rejected + $7
WHERE return_id = $1 AND line_id = $2;

-- name: count_returned
-- The order's own counter: units that were accepted, without the $2 that the customer had too many.
UPDATE order_lines l SET returned = least(l.shipped, greatest(l.returned,
    (SELECT sum(x.restocked + x.refurbished + x.damaged + x.scrapped)::int - $2
     FROM return_lines x WHERE x.line_id = l.id)))
WHERE l.id = $1;

-- name: serials_of_order
-- Pieces of an item that left with this order.
SELECT serial FROM serials WHERE order_id = $1 AND sku = $2 AND status = 'shipped'
ORDER BY serial;

-- name: value_return
-- What was accepted, less what is kept back; and the refund that carries it.
UPDATE returns SET refund_amount = $2, refund_id = $3, updated_at = now() WHERE id = $1;

-- name: list_returns
-- Newest first, with lines.
SELECT r.id, r.order_id, o.number AS order_number, o.currency, r.number, r.status, r.announced,
    r.decides, r.label, r.shipping_paid_by, r.fee, r.refund_to, r.reason_code, r.warehouse,
    r.carrier, r.tracking_number, r.tracking_url, r.label_url, r.label_cost, r.label_currency,
    r.tracking_status, r.requested_by, r.requested_at, r.decided_at, r.expires_at, r.received_at,
    r.inspected_at, r.refund_due_at, r.refund_amount, r.refund_id, r.closed_at, r.why,
    r.exchange_sent, r.wants, r.back_label,
    (SELECT jsonb_agg(to_jsonb(l) - 'return_id' ORDER BY l.line_id)
        FROM return_lines l WHERE l.return_id = r.id) AS lines,
    (SELECT jsonb_build_object('id', e.id, 'status', e.status, 'new_order_id', n.id,
            'new_order_number', n.number)
        FROM exchanges e JOIN orders n ON n.id = e.new_order_id
        WHERE e.order_id = r.order_id AND e.return_id = r.id
        ORDER BY e.id DESC LIMIT 1) AS exchange
FROM returns r JOIN orders o ON o.id = r.order_id
WHERE ($1::text IS NULL OR r.id = $1) AND ($2::text[] IS NULL OR r.status = ANY($2))
    AND ($3::text IS NULL OR r.order_id = $3) AND ($4::text IS NULL OR r.id < $4)
ORDER BY r.id DESC LIMIT $5;

-- name: events_of_return
-- What the order's timeline tells of it, oldest first.
SELECT id, type, actor, role, data, note, occurred_at, recorded_at FROM events
WHERE order_id = $1 AND data ->> 'return_id' = $2 ORDER BY id LIMIT 1000;

-- name: return_start_row
-- The row that asks for its workflow, while nobody has carried it out.
SELECT id, order_id, kind, payload, attempts FROM outbox
WHERE order_id = $1 AND kind = 'start_return' ORDER BY id LIMIT 1;

-- name: order_by_number
SELECT id FROM orders WHERE number = $1;
