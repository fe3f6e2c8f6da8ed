-- name: lock_levels
-- These levels, in the one order in which all levels are locked; how much of each lies in bins.
SELECT l.placed FROM stock_levels l
WHERE (l.sku, l.warehouse) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY l.sku, l.warehouse
FOR NO KEY UPDATE OF l;

-- name: move_stock
-- Counters and ledger in one statement: the ledger row and the level move together or not at all.
WITH moved AS (
    SELECT m.sku, m.warehouse, m.kind, m.cause, coalesce(m.line_id, '') AS line_id, m.order_id,
        coalesce(m.on_hand, 0) AS on_hand, coalesce(m.allocated, 0) AS allocated,
        coalesce(m.held, 0) AS held, coalesce(m.safety, 0) AS safety,
        coalesce(m.damaged, 0) AS damaged, coalesce(m.quarantined, 0) AS quarantined,
        coalesce(m.incoming, 0) AS incoming
    FROM unnest(unpacked($1), unpacked($2), unpacked($3), unpacked($4), unpacked($5), unpacked($6),
            unpacked($7)::int[], unpacked($8)::int[], unpacked($9)::int[], unpacked($10)::int[],
            unpacked($11)::int[], unpacked($12)::int[], unpacked($13)::int[])
        AS m (sku, warehouse, kind, cause, line_id, order_id, on_hand, allocated, held, safety,
            damaged, quarantined, incoming)
), summed AS (
    SELECT sku, warehouse, sum(on_hand)::int AS on_hand, sum(allocated)::int AS allocated,
        sum(held)::int AS held, sum(safety)::int AS safety, sum(damaged)::int AS damaged,
        sum(quarantined)::int AS quarantined, sum(incoming)::int AS incoming
    FROM moved GROUP BY sku, warehouse
), levels AS (
    UPDATE stock_levels l SET on_hand = l.on_hand + s.on_hand,
        allocated = l.allocated + s.allocated, held = l.held + s.held,
        safety = l.safety + s.safety, damaged = l.damaged + s.damaged,
        quarantined = l.quarantined + s.quarantined, incoming = l.incoming + s.incoming
    FROM summed s WHERE l.sku = s.sku AND l.warehouse = s.warehouse
    RETURNING l.sku, l.warehouse, l.on_hand, l.allocated, l.held, l.safety, l.damaged,
        l.quarantined, l.on_hand - l.allocated - l.held - l.safety - l.damaged AS available,
        l.incoming, l.placed
), ledger AS (
    INSERT INTO stock_movements
        (sku, warehouse, kind, cause, line_id, order_id, on_hand, allocated, held, safety, damaged,
         quarantined, incoming, actor, reason, occurred_at)
    SELECT sku, warehouse, m.kind, m.cause, m.line_id, m.order_id, m.on_hand, m.allocated, m.held,
        m.safety, m.damaged, m.quarantined, m.incoming, $14, $15, coalesce($16::timestamptz, now())
    FROM moved m JOIN levels USING (sku, warehouse)
)
SELECT * FROM levels ORDER BY sku, warehouse;
