-- name: add_edit
-- What a person wants of an order, before its workflow is asked.
INSERT INTO order_edits (id, order_id, changes, contact) VALUES ($1, $2, $3, $4);

-- name: edit
SELECT id, order_id, status, changes, result, contact FROM order_edits WHERE id = $1;

-- name: other_open_edit
-- An earlier edit that is under way; one whose request was given up blocks nobody for long.
SELECT id FROM order_edits
WHERE order_id = $1 AND id < $2 AND status = 'requested'
    AND created_at > now() - make_interval(secs => $3)
LIMIT 1;

-- name: end_edit
UPDATE order_edits SET status = $2, code = $3, result = $4, contact = NULL, ended_at = now()
WHERE id = $1 AND status = 'requested';

-- name: end_given_up
-- Edits that can never be done: their order has moved or ended, or their key is forgotten.
UPDATE order_edits SET status = 'refused', code = 'given_up', contact = NULL, ended_at = now()
WHERE id IN (
    SELECT e.id FROM order_edits e JOIN orders o ON o.id = e.order_id
    WHERE e.status = 'requested' AND e.created_at < now() - make_interval(secs => $1)
      AND (o.status NOT IN ('pending', 'confirmed')
        OR o.version <> (e.changes ->> 'version')::int
        OR e.created_at < now() - $2::interval)
    ORDER BY e.created_at LIMIT $3 FOR UPDATE OF e SKIP LOCKED)
RETURNING id;

-- name: edited_prices
-- What an order's lines cost per unit.
SELECT id AS line_id, sku, name, unit_price, tax_rate_bp, out_of_stock, tax
FROM order_lines WHERE order_id = $1 ORDER BY position;

-- name: edited_sums
SELECT subtotal, discount_total AS discount, shipping_total AS shipping,
    surcharge_total AS surcharge, tax_total AS tax, grand_total, prices_include_tax,
    (SELECT coalesce(sum(r.shipping), 0)::bigint FROM refunds r WHERE r.order_id = orders.id)
        AS shipping_given_back
FROM orders WHERE id = $1;

-- name: write_sums
-- The order's sums after an edit; those it was placed with are kept once.
UPDATE orders SET
    as_placed = coalesce(as_placed, jsonb_build_object('subtotal', subtotal,
        'shipping_total', shipping_total, 'tax_total', tax_total, 'grand_total', grand_total,
        'shipping_option', shipping_option)),
    subtotal = $2, shipping_total = $3, tax_total = $4, grand_total = $5, shipping_option = $6
WHERE id = $1;

-- name: add_line
INSERT INTO order_lines (id, order_id, position, sku, name, quantity, unit_price, tax_rate_bp, tax,
    total, open, out_of_stock, added_by)
SELECT $1, $2, (SELECT max(l.position) + 1 FROM order_lines l WHERE l.order_id = $2), $3, $4, $5,
    $6, $7, $8, $9, $5, $10, $11;

-- name: write_addresses
-- What an edit says of addresses goes where personal data is.
UPDATE order_contacts SET
    shipping_address = coalesce(e.contact -> 'shipping_address', shipping_address),
    billing_address = coalesce(e.contact -> 'billing_address', billing_address)
FROM order_edits e WHERE e.id = $1 AND order_contacts.order_id = e.order_id;
