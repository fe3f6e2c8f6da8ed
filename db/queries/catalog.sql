-- name: put_item
INSERT INTO items AS i (sku, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    category, lot_tracked, serial_tracked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, false), coalesce($11, false))
ON CONFLICT (sku) DO UPDATE SET name = excluded.name, weight_g = excluded.weight_g,
    length_mm = excluded.length_mm, width_mm = excluded.width_mm, height_mm = excluded.height_mm,
    hs_code = excluded.hs_code, origin = excluded.origin, category = excluded.category,
    lot_tracked = coalesce($10, i.lot_tracked), serial_tracked = coalesce($11, i.serial_tracked),
    updated_at = now()
RETURNING sku, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin, category,
    lot_tracked, serial_tracked, created_at, updated_at;

-- name: tracking_begins
-- An item whose lots or pieces were not told so far; locked, so that nothing comes in meanwhile.
SELECT 1 FROM items
WHERE sku = $1 AND (($2::boolean AND NOT lot_tracked) OR ($3::boolean AND NOT serial_tracked))
FOR UPDATE;

-- name: has_stock
SELECT EXISTS (SELECT FROM stock_levels WHERE sku = $1 AND on_hand > 0);

-- name: list_items
SELECT sku, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin, category,
    lot_tracked, serial_tracked, created_at, updated_at
FROM items
WHERE ($1::text IS NULL OR sku = $1) AND ($2::text IS NULL OR sku > $2)
ORDER BY sku LIMIT $3;

-- name: put_warehouse
INSERT INTO warehouses (code, name, country, city, postal_code, line1, kind, priority)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, country = excluded.country,
    city = excluded.city, postal_code = excluded.postal_code, line1 = excluded.line1,
    kind = excluded.kind, priority = excluded.priority, updated_at = now()
RETURNING code, name, country, city, postal_code, line1, kind, priority, closed_at, created_at, updated_at;

-- name: list_warehouses
SELECT code, name, country, city, postal_code, line1, kind, priority, closed_at, created_at, updated_at
FROM warehouses
WHERE ($1::text IS NULL OR code = $1) AND ($2::text IS NULL OR code > $2)
ORDER BY code LIMIT $3;

-- name: unknown_skus
-- Those of the items asked for that the catalog does not have.
SELECT wanted.sku FROM unnest($1::text[]) AS wanted (sku)
WHERE NOT EXISTS (SELECT FROM items i WHERE i.sku = wanted.sku);

-- name: unknown_warehouses
SELECT wanted.code FROM unnest($1::text[]) AS wanted (code)
WHERE NOT EXISTS (SELECT FROM warehouses w WHERE w.code = wanted.code);

-- name: make_levels
-- Levels come into being with their first movement; in one order everywhere.
INSERT INTO stock_levels (sku, warehouse)
SELECT sku, warehouse FROM unnest($1::text[], $2::text[]) AS l (sku, warehouse)
ORDER BY sku, warehouse
ON CONFLICT (sku, warehouse) DO NOTHING RETURNING sku;

-- name: lock_levels_of
-- All levels of these items, locked in the order in which orders lock them too.
SELECT l.sku, l.warehouse, l.on_hand, l.allocated, l.held, l.safety, l.damaged, l.quarantined,
    l.on_hand - l.allocated - l.held - l.safety - l.damaged AS available, l.incoming, l.placed
FROM stock_levels l WHERE l.sku = ANY($1::text[])
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: lock_items
SELECT 1 FROM items WHERE sku = ANY($1::text[]) ORDER BY sku FOR NO KEY UPDATE;
