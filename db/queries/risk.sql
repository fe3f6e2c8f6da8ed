-- name: read_risk_rules
SELECT name, action, total_over, currency, units_over, new_customer, orders_over, within_seconds,
    failed_payments_over, countries_differ, country
FROM risk_rules ORDER BY position;

-- name: lock_risk_rules
LOCK TABLE risk_rules IN SHARE ROW EXCLUSIVE MODE;

-- name: clear_risk_rules
DELETE FROM risk_rules;

-- name: add_risk_rule
INSERT INTO risk_rules (position, name, action, total_over, currency, units_over, new_customer,
    orders_over, within_seconds, failed_payments_over, countries_differ, country)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: risk_facts
-- What rules look at. A customer is known by the shop's id, else by the e-mail address.
WITH o AS (
    SELECT o.id, o.currency, o.grand_total, o.customer_id, lower(c.email) AS email,
        c.shipping_address->>'country' AS ships_to,
        coalesce(c.billing_address, c.shipping_address)->>'country' AS billed_to
    FROM orders o LEFT JOIN order_contacts c ON c.order_id = o.id WHERE o.id = $1
), earlier AS (
    SELECT e.id, e.status, e.created_at FROM o JOIN orders e
        ON e.customer_id = o.customer_id AND e.id <> o.id
    UNION
    SELECT e.id, e.status, e.created_at FROM o JOIN order_contacts c ON lower(c.email) = o.email
        JOIN orders e ON e.id = c.order_id AND e.id <> o.id
    WHERE o.customer_id IS NULL
)
SELECT o.currency, o.grand_total AS total, o.ships_to, o.billed_to,
    (SELECT sum(l.quantity)::integer FROM order_lines l WHERE l.order_id = o.id) AS units,
    (SELECT count(*)::integer FROM payments p WHERE p.order_id = o.id AND p.status = 'failed')
        AS failed_payments,
    (SELECT count(*)::integer FROM earlier e WHERE e.status = 'completed') AS completed_orders,
    (SELECT coalesce(array_agg(extract(epoch FROM now() - e.created_at)::bigint
        ORDER BY e.created_at DESC), '{}') FROM earlier e
     WHERE e.created_at > now() - interval '1 year') AS order_ages
FROM o;

-- name: list_reviews
-- Orders that are held because they may be fraud, the longest first, with what was found.
SELECT h.id AS hold_id, h.order_id, o.number, o.channel, o.currency, o.grand_total, h.actor,
    h.created_at AS since, (SELECT e.data->'found' FROM events e
        WHERE e.order_id = h.order_id AND e.type = 'risk_found' ORDER BY e.id DESC LIMIT 1) AS found
FROM holds h JOIN orders o ON o.id = h.order_id
WHERE h.reason = 'high_risk_of_fraud' AND h.released_at IS NULL
    AND o.status IN ('pending', 'confirmed')
    AND ($1::timestamptz IS NULL OR (h.created_at, h.id) > ($1, $2::text))
ORDER BY h.created_at, h.id LIMIT $3;
