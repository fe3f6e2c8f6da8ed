-- name: expected_arrivals
-- What is on its way of these items, by the day it is expected.
SELECT l.sku, l.expected_on, sum(l.quantity - l.received - l.canceled)::int AS quantity
FROM purchase_lines l JOIN purchase_orders p ON p.id = l.purchase_order_id
WHERE l.sku = ANY($1::text[]) AND l.received + l.canceled < l.quantity
  AND p.status IN ('sent', 'partly_received')
GROUP BY l.sku, l.expected_on
ORDER BY l.sku, l.expected_on;
