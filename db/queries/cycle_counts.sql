-- name: places_to_count
-- What the books believe to lie in these bins, or of these items; not what is counted already.
SELECT p.sku, p.bin, p.lot FROM stock_places p
JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin
WHERE p.warehouse = $1 AND p.quantity > 0
  AND (p.bin = ANY($2::text[]) OR p.sku = ANY($3::text[]))
  AND NOT EXISTS (SELECT FROM cycle_count_lines c
    WHERE c.warehouse = p.warehouse AND c.sku = p.sku AND c.status IN ('open', 'waiting')
      AND (c.bin = '' OR (c.bin = p.bin AND c.lot = p.lot)))
ORDER BY b.sequence, p.bin, p.sku, p.lot LIMIT $4;

-- name: levels_to_count
-- Those of the items that lie in no known bin: all there is of them is counted.
SELECT l.sku FROM stock_levels l
WHERE l.warehouse = $1 AND l.sku = ANY($2::text[]) AND l.placed = 0
  AND NOT EXISTS (SELECT FROM cycle_count_lines c
    WHERE c.warehouse = l.warehouse AND c.sku = l.sku AND c.status IN ('open', 'waiting'))
ORDER BY l.sku LIMIT $3;

-- name: items_of_class
-- Items of a class by units shipped in the last days: A makes the first 80 per cent, B the next
-- 15, C the rest.
WITH sold AS (
    SELECT l.sku, coalesce((SELECT -sum(m.on_hand) FROM stock_movements m
        WHERE m.sku = l.sku AND m.warehouse = l.warehouse AND m.kind = 'ship'
          AND m.occurred_at > now() - make_interval(days => $2::int)), 0) AS units
    FROM stock_levels l WHERE l.warehouse = $1 AND l.on_hand > 0
), ranked AS (
    SELECT sku, units, sum(units) OVER (ORDER BY units DESC, sku) - units AS before,
        sum(units) OVER () AS total
    FROM sold
)
SELECT sku FROM ranked
WHERE CASE WHEN units = 0 OR before * 100 >= total * 95 THEN 'C'
    WHEN before * 100 >= total * 80 THEN 'B' ELSE 'A' END = $3
ORDER BY sku LIMIT $4;

-- name: add_count
INSERT INTO cycle_counts
    (id, warehouse, reason, bins, tolerance_units, tolerance_percent, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: add_count_lines
INSERT INTO cycle_count_lines (cycle_count_id, position, warehouse, sku, bin, lot)
SELECT $1, $2::int + l.place, $3, l.sku, l.bin, l.lot
FROM unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS l (sku, bin, lot, place);

-- name: count_warehouse
SELECT warehouse FROM cycle_counts WHERE id = $1;

-- name: lock_count
SELECT status, warehouse, bins, tolerance_units, tolerance_percent FROM cycle_counts
WHERE id = $1 FOR UPDATE;

-- name: count_lines
SELECT position, sku, bin, lot, status, expected, counted, counted_key, note
FROM cycle_count_lines WHERE cycle_count_id = $1 ORDER BY position;

-- name: moved_on_hand_since
-- What was added to the units on hand of a level after a moment, as those who moved it tell.
SELECT coalesce(sum(on_hand), 0)::int FROM stock_movements
WHERE sku = $1 AND warehouse = $2 AND occurred_at > $3;

-- name: note_counted
UPDATE cycle_count_lines SET status = $3, expected = $4, counted = $5, counted_at = $6,
    counted_by = $7, counted_key = $8
WHERE cycle_count_id = $1 AND position = $2;

-- name: decide_line
UPDATE cycle_count_lines SET status = $3, decided_by = $4, decided_at = now(), note = $5
WHERE cycle_count_id = $1 AND position = $2;

-- name: set_count_status
UPDATE cycle_counts SET status = $2,
    closed_at = CASE WHEN $2 IN ('done', 'canceled') THEN now() END
WHERE id = $1;

-- name: cancel_lines
UPDATE cycle_count_lines SET status = 'canceled', decided_by = $2, decided_at = now()
WHERE cycle_count_id = $1 AND status IN ('open', 'waiting');

-- name: list_counts
-- Counts with their lines in walking order, newest first.
SELECT c.id, c.warehouse, c.status, c.reason, c.bins, c.tolerance_units, c.tolerance_percent,
    c.created_by, c.created_at, c.closed_at,
    (SELECT jsonb_agg(jsonb_build_object('line', l.position, 'bin', nullif(l.bin, ''),
            'sku', l.sku, 'name', i.name, 'lot', nullif(l.lot, ''), 'status', l.status,
            'expected', l.expected, 'counted', l.counted, 'variance', l.counted - l.expected,
            'counted_by', l.counted_by, 'counted_at', l.counted_at, 'decided_by', l.decided_by,
            'decided_at', l.decided_at, 'note', l.note) ORDER BY l.position)
        FROM cycle_count_lines l JOIN items i ON i.sku = l.sku
        WHERE l.cycle_count_id = c.id) AS lines
FROM cycle_counts c
WHERE ($1::text IS NULL OR c.id = $1) AND ($2::text IS NULL OR c.warehouse = $2)
  AND ($3::text IS NULL OR c.status = $3)
  AND ($4::timestamptz IS NULL OR (c.created_at, c.id) < ($4, $5))
ORDER BY c.created_at DESC, c.id DESC LIMIT $6;
