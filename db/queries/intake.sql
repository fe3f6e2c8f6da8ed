-- name: place_order
-- A whole order in one statement: the idempotency key first, then the order, whom it is for, its
-- lines, tenders with their first operation, the event, and the news that its life shall begin.
WITH n AS MATERIALIZED (
    SELECT 'K-' || nextval('order_numbers') AS number
), key AS (
    INSERT INTO idempotency_keys (actor, key, request_hash, status, response)
    SELECT $1, $2, $3, 201, $4 || n.number || $5 FROM n WHERE $2::text IS NOT NULL
    RETURNING 1
), placed AS (
    INSERT INTO orders (
        id, number, channel, channel_order_id, request_hash, customer_id, currency, locale,
        out_of_stock, ship, shipping_option, priority, prices_include_tax, subtotal,
        discount_total, shipping_total, surcharge_total, tax_total, grand_total, discounts,
        surcharges, metadata, public_token, placed_at, created_at, updated_at)
    SELECT $6, n.number, $7, $8, $3, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22, $23, $24, $25, $26, $27, $28, $28
    FROM n CROSS JOIN (SELECT count(*) FROM key) AS first
), contact AS (
    INSERT INTO order_contacts
        (order_id, name, email, phone, shipping_address, billing_address, notes)
    VALUES ($6, $29, $30, $31, $32, $33, $34)
), lines AS (
    INSERT INTO order_lines (
        id, order_id, position, sku, name, quantity, unit_price, tax_rate_bp, discount, tax, total,
        open, out_of_stock)
    SELECT l.id, $6, l.place - 1, l.sku, l.name, l.quantity, l.unit_price, l.tax_rate_bp,
        l.discount, l.tax, l.total, l.quantity, l.out_of_stock
    FROM unnest($35::text[], $36::text[], $37::text[], $38::int[], $39::bigint[], $40::int[],
            $41::bigint[], $42::bigint[], $43::bigint[], $55::text[]) WITH ORDINALITY
        AS l (id, sku, name, quantity, unit_price, tax_rate_bp, discount, tax, total, out_of_stock,
            place)
), tenders AS (
    INSERT INTO payments (
        id, order_id, position, method, provider, token, capture, installments, currency, amount,
        created_at, updated_at)
    SELECT p.id, $6, p.place - 1, p.method, p.provider, p.token, p.capture, p.installments, $10,
        p.amount, $28, $28
    FROM unnest($44::text[], $45::text[], $46::text[], $47::text[], $48::text[], $49::int[],
            $50::bigint[]) WITH ORDINALITY
        AS p (id, method, provider, token, capture, installments, amount, place)
), operations AS (
    INSERT INTO payment_operations (id, payment_id, order_id, kind, cause, amount)
    SELECT p.id || '-authorize', p.id, $6, 'authorize', 'authorize', p.amount
    FROM unnest($44::text[], $50::bigint[]) AS p (id, amount)
), told AS (
    INSERT INTO events (order_id, type, actor, role, data, occurred_at)
    VALUES ($6, 'order_placed', $51, $52, $53, $27)
), news AS (
    INSERT INTO outbox (order_id, kind, payload, due_at)
    SELECT $6, 'start_order', $54::jsonb || jsonb_build_object('number', n.number),
        now() + interval '3 seconds'
    FROM n
    RETURNING id
)
SELECT n.number, news.id AS outbox_id FROM n, news;

-- name: find_placed
-- The order a channel has sent before.
SELECT id, request_hash FROM orders WHERE channel = $1 AND channel_order_id = $2;

-- name: start_row
-- The news that an order's life shall begin, while nobody has told it.
SELECT id, payload FROM outbox WHERE order_id = $1 AND kind = 'start_order';

-- name: forget_start
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: add_tender
-- Another tender of an order, with the operation that will be asked of its provider.
WITH tender AS (
    INSERT INTO payments (
        id, order_id, position, method, provider, token, capture, installments, currency, amount)
    SELECT $1, o.id,
        (SELECT coalesce(max(p.position) + 1, 0) FROM payments p WHERE p.order_id = o.id),
        $3, $4, $5, $6, $7, o.currency, $8
    FROM orders o WHERE o.id = $2
    RETURNING id, order_id, amount
)
INSERT INTO payment_operations (id, payment_id, order_id, kind, cause, amount)
SELECT id || '-authorize', id, order_id, 'authorize', 'authorize', amount FROM tender;

-- name: refuse_tender
-- The order did not want it: nothing was asked of its provider.
WITH tender AS (
    UPDATE payments SET status = 'failed', failure = $2, updated_at = now()
    WHERE id = $1 AND status = 'pending'
    RETURNING id
)
UPDATE payment_operations SET status = 'failed', reason = $2, updated_at = now()
WHERE id = (SELECT id || '-authorize' FROM tender) AND status = 'requested';
