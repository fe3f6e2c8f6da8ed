-- name: think_big
-- Sums over all levels fit into memory for the rest of this transaction.
SELECT set_config('work_mem', '64MB', true);

-- name: checkpoint
-- The ledger's generation, what has ended as this snapshot sees it, and the sums that are kept.
SELECT f.generation, pg_snapshot_xmin(pg_current_snapshot())::text AS ended,
    clock_timestamp() AS began,
    CASE WHEN c.generation = f.generation AND c.upto <= pg_snapshot_xmax(pg_current_snapshot())
        THEN c.upto::text END AS upto,
    c.full_at
FROM stock_feed f LEFT JOIN stock_checkpoint c ON true;

-- name: ledger_against_counters
-- Counters that are not the ledger's sum: of all rows, or ($1) of the sums that are kept and the
-- rows of later transactions. The first row tells how much was compared.
WITH moved AS (
    SELECT sku, warehouse, count(*) AS rows, sum(on_hand) AS on_hand, sum(allocated) AS allocated,
        sum(held) AS held, sum(safety) AS safety, sum(damaged) AS damaged,
        sum(quarantined) AS quarantined, sum(incoming) AS incoming
    FROM stock_movements WHERE $1::text IS NULL GROUP BY sku, warehouse
    UNION ALL
    SELECT sku, warehouse, count(*), sum(on_hand), sum(allocated), sum(held), sum(safety),
        sum(damaged), sum(quarantined), sum(incoming)
    FROM stock_movements WHERE xact >= $1::text::xid8 GROUP BY sku, warehouse
    UNION ALL
    SELECT sku, warehouse, 0, on_hand, allocated, held, safety, damaged, quarantined, incoming
    FROM stock_checkpoint_sums WHERE $1::text IS NOT NULL
), summed AS MATERIALIZED (
    SELECT sku, warehouse, sum(rows)::bigint AS rows, sum(on_hand)::bigint AS on_hand,
        sum(allocated)::bigint AS allocated, sum(held)::bigint AS held,
        sum(safety)::bigint AS safety, sum(damaged)::bigint AS damaged,
        sum(quarantined)::bigint AS quarantined, sum(incoming)::bigint AS incoming
    FROM moved GROUP BY sku, warehouse
), different AS (
    SELECT l.sku, l.warehouse, c.counter, c.expected, c.found
    FROM stock_levels l LEFT JOIN summed s ON s.sku = l.sku AND s.warehouse = l.warehouse,
    LATERAL (VALUES
        ('on_hand', coalesce(s.on_hand, 0), l.on_hand),
        ('allocated', coalesce(s.allocated, 0), l.allocated),
        ('held', coalesce(s.held, 0), l.held),
        ('safety', coalesce(s.safety, 0), l.safety),
        ('damaged', coalesce(s.damaged, 0), l.damaged),
        ('quarantined', coalesce(s.quarantined, 0), l.quarantined),
        ('incoming', coalesce(s.incoming, 0), l.incoming)) AS c (counter, expected, found)
    WHERE c.expected <> c.found
)
SELECT NULL AS sku, NULL AS warehouse, NULL AS counter,
    (SELECT coalesce(sum(rows), 0)::bigint FROM summed) AS expected,
    (SELECT count(*) FROM stock_levels) AS found, (SELECT count(*) FROM different) AS total
UNION ALL
(SELECT sku, warehouse, counter, expected, found, 0 FROM different
 ORDER BY sku, warehouse, counter LIMIT $2);

-- name: claims_against_levels
-- Levels whose `allocated` is not what orders claim there.
SELECT coalesce(l.sku, r.sku) AS sku, coalesce(l.warehouse, r.warehouse) AS warehouse,
    'allocated' AS counter, coalesce(r.quantity, 0)::bigint AS expected,
    coalesce(l.allocated, 0)::bigint AS found, count(*) OVER () AS total
FROM stock_levels l FULL JOIN (
    SELECT sku, warehouse, sum(quantity) AS quantity FROM reservations
    WHERE status = 'allocated' GROUP BY sku, warehouse
) r ON r.sku = l.sku AND r.warehouse = l.warehouse
WHERE coalesce(l.allocated, 0) <> coalesce(r.quantity, 0)
ORDER BY 1, 2 LIMIT $1;

-- name: holds_against_levels
-- Levels whose `held` is not what checkouts keep there.
SELECT coalesce(l.sku, h.sku) AS sku, coalesce(l.warehouse, h.warehouse) AS warehouse,
    'held' AS counter, coalesce(h.quantity, 0)::bigint AS expected,
    coalesce(l.held, 0)::bigint AS found, count(*) OVER () AS total
FROM stock_levels l FULL JOIN (
    SELECT u.sku, u.warehouse, sum(u.quantity) AS quantity
    FROM stock_holds k JOIN stock_hold_lines u ON u.hold_id = k.id
    WHERE k.status = 'held' GROUP BY u.sku, u.warehouse
) h ON h.sku = l.sku AND h.warehouse = l.warehouse
WHERE coalesce(l.held, 0) <> coalesce(h.quantity, 0)
ORDER BY 1, 2 LIMIT $1;

-- name: expected_against_levels
-- Levels whose `incoming` is not what suppliers are to bring and other warehouses have sent.
SELECT coalesce(l.sku, e.sku) AS sku, coalesce(l.warehouse, e.warehouse) AS warehouse,
    'incoming' AS counter, coalesce(e.quantity, 0)::bigint AS expected,
    coalesce(l.incoming, 0)::bigint AS found, count(*) OVER () AS total
FROM stock_levels l FULL JOIN (
    SELECT sku, warehouse, sum(quantity) AS quantity FROM (
        SELECT i.sku, p.warehouse, i.incoming AS quantity
        FROM purchase_lines i JOIN purchase_orders p ON p.id = i.purchase_order_id
        WHERE i.incoming > 0
        UNION ALL
        SELECT i.sku, t.to_warehouse, i.quantity
        FROM transfer_lines i JOIN transfers t ON t.id = i.transfer_id
        WHERE t.status = 'in_transit'
    ) coming GROUP BY sku, warehouse
) e ON e.sku = l.sku AND e.warehouse = l.warehouse
WHERE coalesce(l.incoming, 0) <> coalesce(e.quantity, 0)
ORDER BY 1, 2 LIMIT $1;

-- name: places_against_levels
-- Levels whose `placed` is not what lies in their bins.
SELECT coalesce(l.sku, p.sku) AS sku, coalesce(l.warehouse, p.warehouse) AS warehouse,
    'placed' AS counter, coalesce(p.quantity, 0)::bigint AS expected,
    coalesce(l.placed, 0)::bigint AS found, count(*) OVER () AS total
FROM stock_levels l FULL JOIN (
    SELECT sku, warehouse, sum(quantity) AS quantity FROM stock_places GROUP BY sku, warehouse
) p ON p.sku = l.sku AND p.warehouse = l.warehouse
WHERE coalesce(l.placed, 0) <> coalesce(p.quantity, 0)
ORDER BY 1, 2 LIMIT $1;

-- name: place_ledger_against_places
-- Bins whose content is not the sum of its movements; `counter` names bin and lot.
SELECT p.sku, p.warehouse, concat_ws(' ', p.bin, nullif(p.lot, '')) AS counter,
    coalesce(m.quantity, 0)::bigint AS expected, p.quantity::bigint AS found,
    count(*) OVER () AS total
FROM stock_places p LEFT JOIN (
    SELECT sku, warehouse, bin, lot, sum(quantity) AS quantity FROM place_movements
    GROUP BY sku, warehouse, bin, lot
) m ON (m.sku, m.warehouse, m.bin, m.lot) = (p.sku, p.warehouse, p.bin, p.lot)
WHERE p.quantity <> coalesce(m.quantity, 0)
ORDER BY 1, 2, 3 LIMIT $1;

-- name: claims_against_lines
-- Order lines whose allocated or waiting units are not what they claim.
WITH claimed AS (
    SELECT line_id, coalesce(sum(quantity) FILTER (WHERE status = 'allocated'), 0) AS allocated,
        coalesce(sum(quantity) FILTER (WHERE status = 'backordered'), 0) AS backordered
    FROM reservations WHERE status IN ('allocated', 'backordered') GROUP BY line_id
), units AS (
    SELECT id, allocated, backordered FROM order_lines WHERE allocated > 0 OR backordered > 0
)
SELECT l.order_id, l.id AS line_id, l.sku, c.counter, c.expected::bigint, c.found::bigint,
    count(*) OVER () AS total
FROM units u FULL JOIN claimed r ON r.line_id = u.id
JOIN order_lines l ON l.id = coalesce(u.id, r.line_id),
LATERAL (VALUES
    ('allocated', coalesce(r.allocated, 0), coalesce(u.allocated, 0)),
    ('backordered', coalesce(r.backordered, 0), coalesce(u.backordered, 0)))
    AS c (counter, expected, found)
WHERE c.expected <> c.found
ORDER BY l.order_id, l.id, c.counter LIMIT $1;

-- name: claims_of_closed_orders
-- Units that an order claims although it is over.
SELECT r.order_id, r.line_id, r.sku, r.warehouse, r.status AS counter, 0::bigint AS expected,
    sum(r.quantity)::bigint AS found, count(*) OVER () AS total
FROM reservations r JOIN orders o ON o.id = r.order_id
WHERE r.status IN ('held', 'allocated', 'backordered')
  AND o.status IN ('completed', 'canceled', 'expired')
GROUP BY r.order_id, r.line_id, r.sku, r.warehouse, r.status
ORDER BY 1, 2, 4, 5 LIMIT $1;

-- name: lock_sums
-- One writer of the sums at a time. A lock of a row would be a write already.
SELECT pg_advisory_xact_lock(hashtext('kervan stock sums'));

-- name: sums_reach
-- Up to where the sums are kept.
SELECT upto::text FROM stock_checkpoint WHERE generation = $1;

-- name: replace_sums
-- Sums the ledger's rows of all transactions before $1 anew. They are all summed before the first
-- row is written (the count asks for them): a transaction that writes holds the change feed up.
WITH summed AS MATERIALIZED (
    SELECT sku, warehouse, sum(on_hand) AS on_hand, sum(allocated) AS allocated,
        sum(held) AS held, sum(safety) AS safety, sum(damaged) AS damaged,
        sum(quarantined) AS quarantined, sum(incoming) AS incoming
    FROM stock_movements WHERE xact IS NULL OR xact < $1::text::xid8 GROUP BY sku, warehouse
), forgotten AS (
    DELETE FROM stock_checkpoint_sums k
    WHERE NOT EXISTS (SELECT FROM summed s WHERE s.sku = k.sku AND s.warehouse = k.warehouse)
)
INSERT INTO stock_checkpoint_sums
    (sku, warehouse, on_hand, allocated, held, safety, damaged, quarantined, incoming)
SELECT sku, warehouse, on_hand, allocated, held, safety, damaged, quarantined, incoming
FROM summed WHERE (SELECT count(*) FROM summed) > 0
ON CONFLICT (sku, warehouse) DO UPDATE SET on_hand = excluded.on_hand,
    allocated = excluded.allocated, held = excluded.held, safety = excluded.safety,
    damaged = excluded.damaged, quarantined = excluded.quarantined, incoming = excluded.incoming;

-- name: add_to_sums
-- Adds the ledger's rows of transactions from $1 up to $2; see `replace_sums` for the count.
WITH summed AS MATERIALIZED (
    SELECT sku, warehouse, sum(on_hand) AS on_hand, sum(allocated) AS allocated,
        sum(held) AS held, sum(safety) AS safety, sum(damaged) AS damaged,
        sum(quarantined) AS quarantined, sum(incoming) AS incoming
    FROM stock_movements WHERE xact >= $1::text::xid8 AND xact < $2::text::xid8
    GROUP BY sku, warehouse
)
INSERT INTO stock_checkpoint_sums AS kept
    (sku, warehouse, on_hand, allocated, held, safety, damaged, quarantined, incoming)
SELECT sku, warehouse, on_hand, allocated, held, safety, damaged, quarantined, incoming
FROM summed WHERE (SELECT count(*) FROM summed) > 0
ON CONFLICT (sku, warehouse) DO UPDATE SET on_hand = kept.on_hand + excluded.on_hand,
    allocated = kept.allocated + excluded.allocated, held = kept.held + excluded.held,
    safety = kept.safety + excluded.safety, damaged = kept.damaged + excluded.damaged,
    quarantined = kept.quarantined + excluded.quarantined,
    incoming = kept.incoming + excluded.incoming;

-- name: keep_checkpoint
-- `full_at` stays as it was unless everything was summed ($3).
INSERT INTO stock_checkpoint (generation, upto, full_at) VALUES ($1, $2::text::xid8, $4)
ON CONFLICT (one) DO UPDATE SET generation = excluded.generation, upto = excluded.upto,
    full_at = CASE WHEN $3 THEN excluded.full_at ELSE stock_checkpoint.full_at END;

-- name: add_reconciliation
INSERT INTO stock_reconciliations
    (id, scope, actor, levels, movements, differences, started_at, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, greatest($7, clock_timestamp()))
ON CONFLICT (id) DO NOTHING RETURNING true;

-- name: add_differences
INSERT INTO stock_differences
    (reconciliation_id, position, kind, counter, sku, warehouse, order_id, line_id, expected, found)
SELECT $1, d.position - 1, d.kind, d.counter, d.sku, d.warehouse, d.order_id, d.line_id,
    d.expected, d.found
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::bigint[]) WITH ORDINALITY
    AS d (kind, counter, sku, warehouse, order_id, line_id, expected, found, position);

-- name: list_reconciliations
-- Newest first, from a place.
SELECT id, scope, actor, levels, movements, differences, started_at, finished_at
FROM stock_reconciliations
WHERE $1::timestamptz IS NULL OR (started_at, id) < ($1, $2::text)
ORDER BY started_at DESC, id DESC LIMIT $3;

-- name: get_reconciliation
SELECT id, scope, actor, levels, movements, differences, started_at, finished_at
FROM stock_reconciliations WHERE id = $1;

-- name: differences_of
SELECT kind, counter, sku, warehouse, order_id, line_id, expected, found
FROM stock_differences WHERE reconciliation_id = $1 ORDER BY position;

-- name: last_reconciliation
-- What the newest check found, and how long ago that was (seconds).
SELECT differences, extract(epoch FROM now() - finished_at)::float8 AS age
FROM stock_reconciliations ORDER BY started_at DESC, id DESC LIMIT 1;
