-- name: put_bin
INSERT INTO bins (warehouse, code, zone, sequence, kind) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (warehouse, code) DO UPDATE SET zone = excluded.zone, sequence = excluded.sequence,
    kind = excluded.kind, updated_at = now()
RETURNING warehouse, code, zone, sequence, kind, created_at, updated_at;

-- name: list_bins
-- Bins of a warehouse in walking order, with what lies in them.
SELECT b.warehouse, b.code, b.zone, b.sequence, b.kind, b.created_at, b.updated_at,
    coalesce((SELECT sum(p.quantity) FROM stock_places p
        WHERE p.warehouse = b.warehouse AND p.bin = b.code AND p.quantity > 0), 0)::int AS units
FROM bins b
WHERE b.warehouse = $1 AND ($2::text IS NULL OR b.code = $2)
  AND ($3::text IS NULL OR (b.sequence, b.code) > ($4::int, $3))
ORDER BY b.sequence, b.code LIMIT $5;

-- name: lock_bin_kind
-- A bin that is about to become another kind: nobody puts anything into it meanwhile.
SELECT kind FROM bins WHERE warehouse = $1 AND code = $2 FOR UPDATE;

-- name: bin_is_empty
SELECT NOT EXISTS (SELECT FROM stock_places
    WHERE warehouse = $1 AND bin = $2 AND quantity > 0);

-- name: use_bins
-- Kinds of bins that goods go into or come from; they stay so until the transaction ends.
SELECT code, kind FROM bins WHERE warehouse = $1 AND code = ANY($2::text[])
ORDER BY code FOR KEY SHARE;

-- name: first_bin_of_kind
-- Where goods of that kind go when nobody names a bin.
SELECT code FROM bins WHERE warehouse = $1 AND kind = $2 ORDER BY sequence, code LIMIT 1;

-- name: unknown_bins
SELECT DISTINCT wanted.code FROM unnest($2::text[]) AS wanted (code)
WHERE NOT EXISTS (SELECT FROM bins b WHERE b.warehouse = $1 AND b.code = wanted.code);

-- name: tracking
-- Which of these items want lots and serial numbers.
SELECT sku, lot_tracked, serial_tracked FROM items WHERE sku = ANY($1::text[])
ORDER BY sku FOR KEY SHARE;

-- name: put_lot
-- A lot that came in; what is known of it stays.
INSERT INTO lots AS l (sku, lot, expires_on, received_at) VALUES ($1, $2, $3, coalesce($4, now()))
ON CONFLICT (sku, lot) DO UPDATE SET expires_on = coalesce(l.expires_on, excluded.expires_on)
RETURNING expires_on;

-- name: known_lots
SELECT l.sku, l.lot, l.expires_on FROM lots l
JOIN unnest($1::text[], $2::text[]) AS wanted (sku, lot)
    ON wanted.sku = l.sku AND wanted.lot = l.lot;

-- name: expired_levels
-- Levels with units in bins, other than quarantine, that are good no longer.
SELECT DISTINCT p.sku, p.warehouse FROM stock_places p
JOIN lots t ON t.sku = p.sku AND t.lot = p.lot AND t.expires_on < $1
JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin AND b.kind <> 'quarantine'
WHERE p.quantity > 0 ORDER BY p.sku, p.warehouse;

-- name: work_that_wants
-- Work of a warehouse that has yet to pick units of an item, what was begun last first.
SELECT f.id, f.order_id, l.quantity - l.picked - l.short - l.canceled AS quantity
FROM fulfillment_orders f
JOIN fulfillment_order_lines l ON l.fulfillment_order_id = f.id
WHERE f.warehouse = $2 AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')
  AND l.sku = $1 AND l.quantity > l.picked + l.short + l.canceled
ORDER BY f.created_at DESC, f.id LIMIT 50;
