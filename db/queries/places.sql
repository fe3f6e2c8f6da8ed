-- name: make_places
-- Places come into being with their first movement.
INSERT INTO stock_places (sku, warehouse, bin, lot)
SELECT sku, warehouse, bin, lot
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS p (sku, warehouse, bin, lot)
ORDER BY sku, warehouse, bin, lot
ON CONFLICT (sku, warehouse, bin, lot) DO NOTHING;

-- name: move_places
-- Places, their sum in the level, and their ledger in one statement.
WITH moved AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::int[])
        AS m (sku, warehouse, bin, lot, kind, cause, line_id, order_id, quantity)
), places AS (
    UPDATE stock_places p SET quantity = p.quantity + s.quantity
    FROM (SELECT sku, warehouse, bin, lot, sum(quantity)::int AS quantity
        FROM moved GROUP BY sku, warehouse, bin, lot) s
    WHERE p.sku = s.sku AND p.warehouse = s.warehouse AND p.bin = s.bin AND p.lot = s.lot
), levels AS (
    UPDATE stock_levels l SET placed = l.placed + s.quantity
    FROM (SELECT sku, warehouse, sum(quantity)::int AS quantity
        FROM moved GROUP BY sku, warehouse HAVING sum(quantity) <> 0) s
    WHERE l.sku = s.sku AND l.warehouse = s.warehouse
)
INSERT INTO place_movements
    (sku, warehouse, bin, lot, kind, cause, line_id, order_id, quantity, actor, reason, occurred_at)
SELECT sku, warehouse, bin, lot, kind, cause, line_id, order_id, quantity, $10, $11,
    coalesce($12::timestamptz, now())
FROM moved;

-- name: occupied_levels
-- How much of these levels lies in bins, and how much of that in quarantine.
SELECT l.sku, l.warehouse, l.on_hand, l.placed, l.quarantined,
    coalesce((SELECT sum(p.quantity) FROM stock_places p
        JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin AND b.kind = 'quarantine'
        WHERE p.sku = l.sku AND p.warehouse = l.warehouse), 0)::int AS locked_away
FROM stock_levels l
JOIN unnest($1::text[], $2::text[]) AS wanted (sku, warehouse)
    ON wanted.sku = l.sku AND wanted.warehouse = l.warehouse
ORDER BY l.sku, l.warehouse;

-- name: places_of
-- Where these items lie: first expired first out, then in walking order; what has expired comes
-- last, since nobody wants it.
SELECT p.sku, p.warehouse, p.bin, p.lot, p.quantity, b.kind, b.sequence, t.expires_on,
    coalesce(t.expires_on < $3::date, false) AS expired
FROM stock_places p
JOIN unnest($1::text[], $2::text[]) AS wanted (sku, warehouse)
    ON wanted.sku = p.sku AND wanted.warehouse = p.warehouse
JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin
LEFT JOIN lots t ON t.sku = p.sku AND t.lot = p.lot
WHERE p.quantity > 0
ORDER BY p.sku, p.warehouse, expired, t.expires_on NULLS LAST, b.sequence, p.bin, p.lot;

-- name: list_places
-- What lies where, by warehouse and walking order.
SELECT p.sku, p.warehouse, p.bin, b.zone, b.sequence, b.kind, nullif(p.lot, '') AS lot,
    t.expires_on, p.quantity
FROM stock_places p
JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin
LEFT JOIN lots t ON t.sku = p.sku AND t.lot = p.lot
WHERE p.quantity > 0 AND ($1::text IS NULL OR p.warehouse = $1)
  AND ($2::text IS NULL OR p.sku = $2) AND ($3::text IS NULL OR p.bin = $3)
  AND ($4::text IS NULL OR p.lot = $4) AND ($5::date IS NULL OR t.expires_on < $5)
  AND ($6::text IS NULL
    OR (p.warehouse, b.sequence, p.bin, p.sku, p.lot) > ($6, $7::int, $8, $9, $10))
ORDER BY p.warehouse, b.sequence, p.bin, p.sku, p.lot LIMIT $11;

-- name: list_place_movements
-- The ledger of places, newest first.
SELECT id, sku, warehouse, bin, nullif(lot, '') AS lot, kind, quantity, cause, order_id,
    nullif(line_id, '') AS line_id, reason, actor, occurred_at
FROM place_movements
WHERE ($1::text IS NULL OR warehouse = $1) AND ($2::text IS NULL OR sku = $2)
  AND ($3::text IS NULL OR bin = $3) AND ($4::text IS NULL OR lot = $4)
  AND ($5::text IS NULL OR order_id = $5) AND ($6::bigint IS NULL OR id < $6)
ORDER BY id DESC LIMIT $7;

-- name: moved_since
-- What was added to a place after a moment, as those who moved it tell the time.
SELECT coalesce(sum(quantity), 0)::int FROM place_movements
WHERE warehouse = $1 AND bin = $2 AND sku = $3 AND lot = $4 AND occurred_at > $5;

-- name: quantity_of
SELECT quantity FROM stock_places WHERE warehouse = $1 AND bin = $2 AND sku = $3 AND lot = $4;
