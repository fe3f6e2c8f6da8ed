-- name: list_purchases
-- Purchase orders, newest first, as the API shows them.
SELECT p.id, p.number, p.supplier, s.name AS supplier_name, p.warehouse, p.status, p.currency,
    p.expected_on, p.note, p.created_by, p.approved_by, p.sendings, p.mail_status, p.reminders,
    p.late_since, p.created_at, p.updated_at, p.approved_at, p.sent_at, p.closed_at, p.version,
    (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'sku', l.sku, 'supplier_sku', l.supplier_sku,
            'quantity', l.quantity, 'received', l.received, 'damaged', l.damaged,
            'canceled', l.canceled, 'over', greatest(l.received + l.canceled - l.quantity, 0),
            'unit_cost', l.unit_cost, 'expected_on', l.expected_on) ORDER BY l.position)
        FROM purchase_lines l WHERE l.purchase_order_id = p.id) AS lines,
    coalesce((SELECT jsonb_agg(jsonb_build_object('code', a.code, 'since', a.since,
            'detail', a.detail) ORDER BY a.since, a.code)
        FROM purchase_attention a WHERE a.purchase_order_id = p.id), '[]') AS attention
FROM purchase_orders p JOIN suppliers s ON s.code = p.supplier
WHERE ($1::text IS NULL OR p.id = $1)
  AND ($2::text[] IS NULL OR p.status = ANY($2::text[]))
  AND ($3::text IS NULL OR p.supplier = $3)
  AND ($4::text IS NULL OR p.warehouse = $4)
  AND ($5::boolean IS NULL OR (p.late_since IS NOT NULL) = $5)
  AND ($6::timestamptz IS NULL OR (p.created_at, p.id) < ($6, $7::text))
ORDER BY p.created_at DESC, p.id DESC LIMIT $8;

-- name: purchase_axes
SELECT status, coalesce(mail_status, '') AS mail_status FROM purchase_orders WHERE id = $1;

-- name: purchase_events
-- The timeline, oldest first.
SELECT id, type, actor, role, data, note, occurred_at, recorded_at
FROM purchase_events WHERE purchase_order_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: purchase_receipts
-- What was delivered, delivery by delivery.
SELECT r.id, r.reference, r.actor, r.occurred_at, r.recorded_at,
    (SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'accepted', d.accepted,
            'damaged', d.damaged, 'over', d.over) ORDER BY l.position)
        FROM purchase_receipt_lines d JOIN purchase_lines l ON l.id = d.line_id
        WHERE d.receipt_id = r.id) AS lines
FROM purchase_receipts r WHERE r.purchase_order_id = $1 ORDER BY r.recorded_at, r.id;
