-- name: payment_for_call
-- What an adapter needs to know of a tender; the token leaves the database here only.
SELECT id, order_id, method, provider, token, capture, currency, amount, authorized, captured,
    refunded, coalesce(provider_ref, '') AS provider_ref, status
FROM payments WHERE id = $1;

-- name: payment_for_update
SELECT id, order_id, currency, amount, authorized, captured, refunded, status
FROM payments WHERE id = $1 FOR NO KEY UPDATE;

-- name: request_operation
-- The intent, before anything is sent.
INSERT INTO payment_operations (id, payment_id, order_id, kind, cause, amount)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING true;

-- name: operation_status
SELECT status FROM payment_operations WHERE id = $1;

-- name: settle_operation
UPDATE payment_operations SET status = $2, provider_ref = coalesce($3, provider_ref),
    reason = $4, updated_at = now()
WHERE id = $1;

-- name: keep_client_action
-- What the customer has to do. It may open the customer's session: it stays out of the history.
UPDATE payments SET client_action = $2, updated_at = now() WHERE id = $1 AND status = 'pending';

-- name: save_payment
UPDATE payments SET status = $2, authorized = $3, captured = $4, refunded = $5,
    provider_ref = coalesce($6, provider_ref), failure = $7,
    expires_at = coalesce($8, expires_at),
    expiry_flagged = expiry_flagged AND $8 IS NULL,
    client_action = CASE WHEN $2 = 'pending' THEN client_action END,
    updated_at = now()
WHERE id = $1;

-- name: book
-- The ledger; the same booking twice is one.
INSERT INTO money_ledger (order_id, payment_id, kind, amount, currency, cause, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
ON CONFLICT ON CONSTRAINT each_booking_once DO NOTHING RETURNING id;

-- name: settle_zero_tenders
-- A tender of nothing is paid without asking anybody.
UPDATE payments SET status = 'paid', updated_at = now()
WHERE order_id = $1 AND amount = 0 AND status = 'pending';

-- name: keep_reference
-- The provider's name for a payment that waits for the customer.
UPDATE payments SET provider_ref = $2, updated_at = now() WHERE id = $1 AND provider_ref IS NULL;

-- name: mark_refunded
-- Canceled units count as refunded, with their share, and so do those of refunds that are done.
-- The share is that of all of them: shares that are rounded one by one can exceed the line's total.
UPDATE order_lines l SET refunded = l.canceled + coalesce(b.units, 0),
    refunded_amount = l.total * (l.canceled + coalesce(b.units, 0)) / l.quantity
FROM order_lines x LEFT JOIN LATERAL (
    SELECT sum(r.quantity) AS units
    FROM refund_lines r JOIN refunds f ON f.id = r.refund_id
    WHERE r.line_id = x.id AND f.status = 'succeeded') b ON true
WHERE x.order_id = $1 AND l.id = x.id AND l.refunded < l.canceled + coalesce(b.units, 0);

-- name: order_of_payment
SELECT order_id FROM payments WHERE id = $1;

-- name: being_refunded
-- What the order's workflow has asked a provider to give back, and does not know the end of.
SELECT coalesce(sum(amount), 0)::bigint FROM payment_operations
WHERE payment_id = $1 AND kind = 'refund' AND status IN ('requested', 'unknown');
