-- name: substitutes_of
-- What may be offered in place of an item, the best first.
SELECT s.substitute AS sku, i.name, s.note
FROM item_substitutes s JOIN items i ON i.sku = s.substitute
WHERE s.sku = $1 ORDER BY s.position;

-- name: clear_substitutes
DELETE FROM item_substitutes WHERE sku = $1;

-- name: add_substitutes
INSERT INTO item_substitutes (sku, position, substitute, note)
SELECT $1, s.place - 1, s.substitute, s.note
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS s (substitute, note, place);

-- name: lock_item
-- Makes lists of one item's substitutes wait for each other.
SELECT sku FROM items WHERE sku = $1 FOR NO KEY UPDATE;

-- name: substitutes_for_lines
-- What could be offered for the lines of an order that wait, and were not said no for.
SELECT l.id AS line_id, l.sku AS ordered_sku, l.backordered AS waiting, s.substitute AS sku, s.note
FROM order_lines l
JOIN orders o ON o.id = l.order_id
JOIN item_substitutes s ON s.sku = l.sku
WHERE l.order_id = $1 AND l.backordered > 0
  AND coalesce(l.out_of_stock, o.out_of_stock) = 'substitute'
  AND NOT EXISTS (SELECT FROM substitution_offers f WHERE f.line_id = l.id
      AND f.status IN ('offered', 'refused', 'expired'))
ORDER BY l.position, s.position;

-- name: lock_of_order
-- All levels that a step about an order's offers may move: of what it has and waits for, of what
-- it was offered, and of what it could be. In the one order in which all levels are locked.
SELECT 1 FROM stock_levels l
WHERE l.sku IN (
    SELECT r.sku FROM reservations r
    WHERE r.order_id = $1 AND r.status IN ('allocated', 'backordered')
    UNION SELECT f.sku FROM substitution_offers f WHERE f.order_id = $1 AND f.status = 'offered'
    UNION SELECT s.substitute FROM order_lines x JOIN item_substitutes s ON s.sku = x.sku
    WHERE x.order_id = $1 AND x.backordered > 0)
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: lock_substitutes
-- Their levels, locked in the order in which all levels are locked.
SELECT l.sku, l.warehouse, l.on_hand - l.allocated - l.held - l.damaged - l.safety AS available,
    w.priority
FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
WHERE l.sku = ANY($1::text[]) AND w.closed_at IS NULL
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: waited_for
-- Units of these items that somebody waits for: they go to those who ordered them.
SELECT sku, sum(quantity)::int AS quantity FROM reservations
WHERE status = 'backordered' AND sku = ANY($1::text[]) GROUP BY sku;

-- name: add_offer
INSERT INTO substitution_offers (id, order_id, line_id, ordered_sku, sku, quantity, note, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))
RETURNING expires_at;

-- name: end_offer
UPDATE substitution_offers SET status = $2, ended_at = now() WHERE id = $1 AND status = 'offered';

-- name: offer
-- An offer as its mail tells of it.
SELECT f.id, f.order_id, f.status, f.quantity, f.note, f.expires_at, i.name, l.name AS ordered_name
FROM substitution_offers f
JOIN items i ON i.sku = f.sku JOIN order_lines l ON l.id = f.line_id
WHERE f.id = $1;

-- name: priced_line
SELECT l.quantity, l.unit_price, l.discount, l.tax, l.total, l.canceled, o.prices_include_tax
FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.id = $1;

-- name: replace_line
-- The whole line is something else now; what was ordered is remembered.
UPDATE order_lines l SET ordered_sku = coalesce(l.ordered_sku, l.sku),
    ordered_name = coalesce(l.ordered_name, l.name), sku = i.sku, name = i.name,
    backordered = l.backordered - $3, allocated = l.allocated + $3
FROM items i WHERE l.id = $1 AND i.sku = $2;

-- name: cut_line
-- Units of a line become a line of the substitute: `$5` to `$7` are theirs, the line keeps the rest.
WITH part AS (
    INSERT INTO order_lines (id, order_id, position, sku, name, quantity, unit_price, tax_rate_bp,
        discount, tax, total, open, allocated, out_of_stock, ordered_sku, ordered_name, split_from)
    SELECT $2, l.order_id,
        (SELECT max(p.position) + 1 FROM order_lines p WHERE p.order_id = l.order_id), i.sku,
        i.name, $4, l.unit_price, l.tax_rate_bp, $5, $6, $7, 0, $4, l.out_of_stock,
        coalesce(l.ordered_sku, l.sku), coalesce(l.ordered_name, l.name),
        coalesce(l.split_from, l.id)
    FROM order_lines l, items i WHERE l.id = $1 AND i.sku = $3
)
UPDATE order_lines SET quantity = quantity - $4, backordered = backordered - $4,
    discount = discount - $5, tax = tax - $6, total = total - $7
WHERE id = $1;

-- name: claim_ended_offers
-- Offers that nobody answered in time, each flagged once.
UPDATE substitution_offers SET expiry_flagged = true
WHERE id IN (
    SELECT id FROM substitution_offers
    WHERE status = 'offered' AND NOT expiry_flagged AND expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, order_id;
