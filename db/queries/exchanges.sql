-- name: add_exchange
INSERT INTO exchanges (id, order_id, return_id, new_order_id, send, status, currency, promised,
    used, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9);

-- name: want_exchange
UPDATE returns SET wants = 'exchange' WHERE id = $1;

-- name: use_exchange
-- What a new order takes of it, or (less than nothing) gives back; no row when that is known.
INSERT INTO exchange_uses (cause, exchange_id, amount) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING true;

-- name: is_exchange_used
SELECT EXISTS (SELECT FROM exchange_uses WHERE cause = $1);

-- name: exchange_of_return
-- What is promised for what comes back, until the end of the transaction.
SELECT id, order_id, coalesce(return_id, '') AS return_id, new_order_id, send, status, currency,
    promised, used, granted
FROM exchanges WHERE return_id = $1 AND status = 'promised' FOR NO KEY UPDATE;

-- name: exchange_of_new_order
-- Until the end of the transaction.
SELECT id, order_id, coalesce(return_id, '') AS return_id, new_order_id, send, status, currency,
    promised, used, granted
FROM exchanges WHERE new_order_id = $1 FOR NO KEY UPDATE;

-- name: save_exchange
UPDATE exchanges SET status = $2, used = $3, granted = $4, updated_at = now() WHERE id = $1;

-- name: status_of_return
SELECT status FROM returns WHERE id = $1;

-- name: destination_of_return
SELECT refund_to FROM returns WHERE id = $1;

-- name: new_order_contact
-- Who gets the new order: the same as before, where it went before.
SELECT o.channel, o.customer_id, o.currency, o.locale, o.out_of_stock, o.ship, o.shipping_option,
    o.priority, o.prices_include_tax, c.name, c.email, c.phone, c.shipping_address,
    c.billing_address
FROM orders o LEFT JOIN order_contacts c ON c.order_id = o.id
WHERE o.id = $1;

-- name: read_exchange
SELECT e.*, n.number AS new_order_number
FROM exchanges e JOIN orders n ON n.id = e.new_order_id WHERE e.id = $1;
