-- name: availability
-- What can be sold of these items, by warehouse, in the order asked for. Units that waiting orders
-- of a usual priority or a higher one will take are left out of `sellable`, from the least
-- preferred warehouses first, as reservations leave them out.
SELECT t.sku, i.sku IS NOT NULL AS known, coalesce(q.units, 0) AS backordered, r.warehouse,
    r.country, r.closed, r.on_hand, r.allocated, r.held, r.safety, r.damaged, r.available,
    (r.available - least(r.available, greatest(0, coalesce(q.ahead, 0) - r.less_preferred)))::int
        AS sellable,
    r.incoming
FROM unnest($1::text[]) WITH ORDINALITY AS t (sku, place)
LEFT JOIN items i ON i.sku = t.sku
LEFT JOIN LATERAL (
    SELECT sum(quantity)::int AS units, sum(quantity) FILTER (WHERE priority >= 0) AS ahead
    FROM reservations WHERE status = 'backordered' AND sku = t.sku
) q ON true
LEFT JOIN LATERAL (
    SELECT *, coalesce(sum(available) OVER (ORDER BY priority DESC, warehouse
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS less_preferred
    FROM (
        SELECT l.warehouse, w.country, w.priority, w.closed_at IS NOT NULL AS closed, l.on_hand,
            l.allocated, l.held, l.safety, l.damaged, CASE WHEN w.closed_at IS NULL THEN
                greatest(0, l.on_hand - l.allocated - l.held - l.safety - l.damaged)
            ELSE 0 END AS available, l.incoming
        FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse WHERE l.sku = t.sku
    ) levels
) r ON ($2::text[] IS NULL OR r.warehouse = ANY($2)) AND ($3::text IS NULL OR r.country = $3)
ORDER BY t.place, r.warehouse;

-- name: feed_now
-- The ledger's generation; every transaction before `ended` has ended, and `unborn` was not begun.
SELECT generation, pg_snapshot_xmin(pg_current_snapshot())::text AS ended,
    pg_snapshot_xmax(pg_current_snapshot())::text AS unborn
FROM stock_feed;

-- name: changed_items
-- Items whose stock changed after a place ($1 transaction, $2 source, $3 row) and before the
-- transaction $4, each once: at most $5 items, out of at most $6 rows.
WITH fresh AS (
    (SELECT m.xact, 0 AS source, m.id, m.sku, m.warehouse FROM stock_movements m
     WHERE (m.xact, m.id) > ($1::text::xid8,
            CASE $2::int WHEN 0 THEN $3::bigint ELSE 9223372036854775807 END)
       AND m.xact < $4::text::xid8
     ORDER BY m.xact, m.id LIMIT $6)
    UNION ALL
    (SELECT t.xact, 1, t.id, t.sku, NULL FROM stock_touches t
     WHERE (t.xact, t.id) > ($1::text::xid8, CASE $2::int WHEN 0 THEN 0 ELSE $3::bigint END)
       AND t.xact < $4::text::xid8
     ORDER BY t.xact, t.id LIMIT $6)
), merged AS (
    SELECT *, row_number() OVER (ORDER BY xact, source, id) AS place,
        row_number() OVER (PARTITION BY sku ORDER BY xact, source, id) = 1 AS first
    FROM (SELECT * FROM fresh ORDER BY xact, source, id LIMIT $6) f
), counted AS (
    SELECT *, count(*) FILTER (WHERE first) OVER (ORDER BY place) AS items FROM merged
), told AS (
    SELECT * FROM counted WHERE items <= $5::int
)
SELECT t.sku, coalesce(array_agg(DISTINCT t.warehouse ORDER BY t.warehouse)
        FILTER (WHERE t.warehouse IS NOT NULL), '{}') AS warehouses,
    l.xact::text AS xact, l.source, l.id,
    (SELECT count(*) FROM counted) > l.place OR l.place = $6 AS more
FROM told t, (SELECT * FROM told ORDER BY place DESC LIMIT 1) l
GROUP BY t.sku, l.xact, l.source, l.id, l.place
ORDER BY min(t.place);

-- name: newest_change
-- The places of the newest changes that can be told.
(SELECT m.xact::text AS transaction, 0 AS source, m.id FROM stock_movements m
 WHERE m.xact < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY m.xact DESC, m.id DESC LIMIT 1)
UNION ALL
(SELECT t.xact::text, 1, t.id FROM stock_touches t
 WHERE t.xact < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY t.xact DESC, t.id DESC LIMIT 1);
