-- name: expected_arrivals
-- What is on its way of these items, by the day it is expected.
SELECT l.sku, l.expected_on, sum(l.quantity - l.received - l.canceled)::int AS quantity
FROM purchase_lines l JOIN purchase_orders p ON p.id = l.purchase_order_id
WHERE l.sku = ANY($1::text[]) AND l.received + l.canceled < l.quantity
  AND p.status IN ('sent', 'partly_received')
GROUP BY l.sku, l.expected_on
ORDER BY l.sku, l.expected_on;

-- name: add_purchase
-- A draft; its number comes from the sequence.
INSERT INTO purchase_orders (id, number, supplier, warehouse, currency, expected_on, note, created_by)
VALUES ($1, 'P-' || nextval('purchase_numbers'), $2, $3, $4, $5, $6, $7)
RETURNING number;

-- name: add_purchase_lines
INSERT INTO purchase_lines
    (id, purchase_order_id, position, sku, supplier_sku, quantity, unit_cost, expected_on)
SELECT id, $1, position, sku, nullif(supplier_sku, ''), quantity, unit_cost, expected_on
FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::date[])
    AS l (id, position, sku, supplier_sku, quantity, unit_cost, expected_on);

-- name: lock_purchase
SELECT id FROM purchase_orders WHERE id = $1 FOR NO KEY UPDATE;

-- name: load_purchase
-- The snapshot that a workflow carries: no personal data, no money.
SELECT p.id, p.number, p.supplier, p.warehouse, p.status, s.email IS NOT NULL AS has_address,
    p.sendings, p.mail_status, p.reminders, p.late_since IS NOT NULL AS late, p.version,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'sku', l.sku, 'quantity', l.quantity,
            'expected_on', l.expected_on, 'received', l.received, 'damaged', l.damaged,
            'canceled', l.canceled, 'incoming', l.incoming) ORDER BY l.position)
        FROM purchase_lines l WHERE l.purchase_order_id = p.id) AS lines
FROM purchase_orders p JOIN suppliers s ON s.code = p.supplier
WHERE p.id = $1;

-- name: find_purchase_event
-- Whether the step of this cause was done.
SELECT id FROM purchase_events WHERE purchase_order_id = $1 AND cause = $2;

-- name: record_purchase_event
-- Who did what and when; a step's event carries its cause, which happens once.
INSERT INTO purchase_events
    (purchase_order_id, type, cause, actor, role, data, note, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()))
RETURNING id;

-- name: move_purchase
-- The status, with the times that belong to it.
UPDATE purchase_orders SET status = $2, version = version + 1, updated_at = now(),
    approved_at = CASE WHEN $2 = 'approved' THEN now() ELSE approved_at END,
    approved_by = CASE WHEN $2 = 'approved' THEN $3 ELSE approved_by END,
    sent_at = CASE WHEN $2 IN ('sent', 'partly_received', 'closed') THEN coalesce(sent_at, now())
        ELSE sent_at END,
    closed_at = CASE WHEN $2 IN ('closed', 'canceled') THEN now() ELSE closed_at END,
    late_since = CASE WHEN $2 IN ('closed', 'canceled') THEN NULL ELSE late_since END
WHERE id = $1;

-- name: begin_sending
UPDATE purchase_orders SET sendings = sendings + 1, mail_status = $2, version = version + 1,
    updated_at = now()
WHERE id = $1;

-- name: settle_sending
UPDATE purchase_orders SET mail_status = $2, version = version + 1, updated_at = now()
WHERE id = $1;

-- name: flag_late
-- Past its day; one reminder more.
UPDATE purchase_orders SET late_since = coalesce(late_since, now()), reminders = reminders + 1,
    version = version + 1, updated_at = now()
WHERE id = $1;

-- name: unflag_late
-- What was late has come, or got another day.
UPDATE purchase_orders SET late_since = NULL, reminders = 0, version = version + 1,
    updated_at = now()
WHERE id = $1 AND late_since IS NOT NULL;

-- name: move_line_dates
-- Other days for lines; the order's own is that of its last line.
WITH moved AS (
    UPDATE purchase_lines l SET expected_on = d.expected_on
    FROM unnest($2::text[], $3::date[]) AS d (line_id, expected_on)
    WHERE l.purchase_order_id = $1 AND l.id = d.line_id
    RETURNING l.id, l.expected_on
)
UPDATE purchase_orders p SET version = version + 1, updated_at = now(), expected_on = (
    SELECT max(coalesce(m.expected_on, l.expected_on))
    FROM purchase_lines l LEFT JOIN moved m ON m.id = l.id WHERE l.purchase_order_id = p.id)
WHERE p.id = $1;

-- name: move_line_units
-- What came of lines, what will not come, and what they hold of the counter of incoming goods.
UPDATE purchase_lines l SET received = l.received + d.received, damaged = l.damaged + d.damaged,
    canceled = l.canceled + d.canceled, incoming = l.incoming + d.incoming
FROM unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::int[])
    AS d (line_id, received, damaged, canceled, incoming)
WHERE l.id = d.line_id;

-- name: add_receipt
INSERT INTO purchase_receipts (id, purchase_order_id, reference, cause, actor, occurred_at)
VALUES ($1, $2, $3, $4, $5, coalesce($6, now()));

-- name: add_receipt_lines
INSERT INTO purchase_receipt_lines (receipt_id, line_id, accepted, damaged, over)
SELECT $1, line_id, accepted, damaged, over
FROM unnest($2::text[], $3::int[], $4::int[], $5::int[]) AS l (line_id, accepted, damaged, over);

-- name: tolerance
-- How much more than ordered this purchase order's supplier may bring; NULL: the shop's setting.
SELECT s.over_delivery_bp FROM purchase_orders p JOIN suppliers s ON s.code = p.supplier
WHERE p.id = $1;

-- name: set_purchase_attention
INSERT INTO purchase_attention (purchase_order_id, code, detail) VALUES ($1, $2, $3)
ON CONFLICT (purchase_order_id, code) DO UPDATE SET detail = excluded.detail;

-- name: clear_purchase_attention
-- These reasons are gone; without codes, all of them.
DELETE FROM purchase_attention
WHERE purchase_order_id = $1 AND ($2::text[] IS NULL OR code = ANY($2::text[]));

-- name: purchase_start_row
-- The row that starts a purchase order's workflow, when nobody did yet.
SELECT id, payload FROM outbox WHERE order_id = $1 AND kind = 'start_purchase';

-- name: purchase_letter
-- What a mail to the supplier, or the CSV, says: the head.
SELECT p.id, p.number, p.status, p.currency, p.expected_on, p.sendings, p.reminders, p.note,
    s.name AS supplier_name, s.email, s.locale, w.code AS warehouse, w.name AS warehouse_name,
    w.line1, w.postal_code, w.city, w.country
FROM purchase_orders p
JOIN suppliers s ON s.code = p.supplier JOIN warehouses w ON w.code = p.warehouse
WHERE p.id = $1;

-- name: purchase_letter_lines
-- And its lines.
SELECT l.position, l.supplier_sku, l.sku, i.name, l.quantity, l.received, l.canceled, l.unit_cost,
    l.expected_on
FROM purchase_lines l JOIN items i ON i.sku = l.sku
WHERE l.purchase_order_id = $1 ORDER BY l.position;
