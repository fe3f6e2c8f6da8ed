-- name: given_before
-- Of an order's shipping, and what was kept as fees, by all its refunds.
SELECT coalesce(sum(shipping), 0)::bigint AS shipping, coalesce(sum(fee), 0)::bigint AS fees
FROM refunds WHERE order_id = $1;

-- name: given_without_return
-- Units of an order by line whose money was given back without a return, and when.
SELECT l.line_id, f.created_at AS at, l.quantity AS units
FROM refunds f JOIN refund_lines l ON l.refund_id = f.id
WHERE f.order_id = $1 AND f.cause NOT LIKE 'return:%';

-- name: counted_as_paid
-- What other returns of an order count as paid before, in the order in which they were closed;
-- `since` is nothing for what nobody announced.
SELECT l.line_id, CASE WHEN r.announced THEN r.requested_at END AS since, l.paid_before AS units
FROM returns r JOIN return_lines l ON l.return_id = r.id
WHERE r.order_id = $1 AND r.id <> $2 AND l.paid_before > 0 ORDER BY r.closed_at, r.id;

-- name: asked_for_at
SELECT CASE WHEN announced THEN requested_at END FROM returns WHERE id = $1;

-- name: count_paid_before
UPDATE return_lines SET paid_before = $3 WHERE return_id = $1 AND line_id = $2;

-- name: units_promised
-- Units of an order whose money is promised to exchanges of its other returns.
SELECT l.line_id, sum(greatest(l.quantity, l.received) - l.rejected)::int AS units
FROM exchanges e JOIN return_lines l ON l.return_id = e.return_id
WHERE e.order_id = $1 AND e.status = 'promised' AND e.return_id <> $2 GROUP BY l.line_id;

-- name: refund_of_cause
SELECT id FROM refunds WHERE order_id = $1 AND cause = $2;

-- name: add_refund
INSERT INTO refunds (id, order_id, cause, destination, currency, goods, shipping, goodwill, fee,
    amount, reason, actor, role, exchanged, exchange_id, already_given, set_off)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);

-- name: add_refund_line
INSERT INTO refund_lines (refund_id, line_id, quantity, amount) VALUES ($1, $2, $3, $4);

-- name: add_refund_part
INSERT INTO refund_parts (refund_id, payment_id, amount) VALUES ($1, $2, $3);

-- name: give_units_back
-- The units stay shipped; nothing is owed for them any more.
UPDATE order_lines SET given_back = given_back + $2 WHERE id = $1;

-- name: give_order_back
-- Shipping and goodwill less fees; and what became store credit, or paid for an exchange.
UPDATE orders SET given_back = given_back + $2, credited = credited + $3 WHERE id = $1;

-- name: begin_refunding
UPDATE payments SET refunding = refunding + $2, updated_at = now() WHERE id = $1;

-- name: end_refunding
-- The provider told of it: what was on its way is there, and is booked in the same transaction.
UPDATE payments SET refunding = refunding - $2, updated_at = now() WHERE id = $1;

-- name: end_refund_part
UPDATE refund_parts SET status = 'succeeded', reason = NULL
WHERE refund_id = $1 AND payment_id = $2 AND status = 'requested' RETURNING true;

-- name: note_refund_part
-- Why the provider did not give it back at the last try.
UPDATE refund_parts SET reason = $3 WHERE refund_id = $1 AND payment_id = $2;

-- name: end_refund
-- When all its parts are done.
UPDATE refunds r SET status = 'succeeded', ended_at = now()
WHERE r.id = $1 AND r.status = 'requested'
    AND NOT EXISTS (SELECT FROM refund_parts p
        WHERE p.refund_id = r.id AND p.status = 'requested')
RETURNING true;

-- name: refund_parts
SELECT payment_id, amount, status FROM refund_parts WHERE refund_id = $1 ORDER BY payment_id DESC;

-- name: add_store_credit
INSERT INTO store_credits (customer_id, currency, amount, order_id, cause)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (cause) DO NOTHING;

-- name: customer_of
SELECT customer_id FROM orders WHERE id = $1;

-- name: read_refunds
-- Refunds with what they are for and where they come from.
SELECT r.*,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('line_id', l.line_id, 'quantity', l.quantity,
        'amount', l.amount) ORDER BY l.line_id), '[]')
     FROM refund_lines l WHERE l.refund_id = r.id) AS lines,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('payment_id', p.payment_id, 'amount', p.amount,
        'status', p.status, 'reason', p.reason) ORDER BY p.payment_id DESC), '[]')
     FROM refund_parts p WHERE p.refund_id = r.id) AS parts
FROM refunds r
WHERE ($1::text IS NULL OR r.id = $1) AND ($2::text IS NULL OR r.order_id = $2)
    AND ($3::text IS NULL OR r.status = $3) AND ($4::text IS NULL OR r.id < $4)
ORDER BY r.id DESC LIMIT $5;

-- name: store_credit
-- What a customer has to spend, by currency.
SELECT currency, sum(amount)::bigint AS amount FROM store_credits WHERE customer_id = $1
GROUP BY currency ORDER BY currency;

-- name: store_credit_entries
SELECT id, currency, amount, order_id, created_at FROM store_credits
WHERE customer_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3;

-- name: lock_balance
-- Whoever spends a customer's credit waits for the others who do.
SELECT pg_advisory_xact_lock(hashtextextended('store_credit:' || $1 || ':' || $2, 0));

-- name: is_booked
SELECT EXISTS (SELECT FROM store_credits WHERE cause = $1);

-- name: spender_of
-- Whose credit an order took.
SELECT customer_id FROM store_credits WHERE order_id = $1 AND currency = $2 AND amount < 0
ORDER BY id LIMIT 1;
