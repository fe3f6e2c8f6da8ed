-- name: forget_demand
-- Days that are summed up anew, or are older than anybody looks.
DELETE FROM daily_demand WHERE (day >= $1 AND day < $2) OR day < $3;

-- name: sum_demand
-- Units asked for from day `$1` on and before `$2`, in the shop's time zone `$3`.
-- What counts: whole lines, on the day they were placed, of orders that were confirmed, or canceled
-- because we had none. Units belong to the warehouse that ships them; units that no warehouse has
-- claimed (they wait, or were canceled) belong to the item's home: the warehouse of the highest
-- priority that keeps it.
WITH placed AS (
    SELECT o.id AS order_id, l.id AS line_id, l.sku, l.quantity,
        (o.placed_at AT TIME ZONE $3)::date AS day
    FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN items i ON i.sku = l.sku
    WHERE o.placed_at >= $1::date::timestamp AT TIME ZONE $3
      AND o.placed_at < $2::date::timestamp AT TIME ZONE $3
      AND (o.confirmed_at IS NOT NULL OR o.cancel_reason = 'out_of_stock')
), claimed AS (
    SELECT p.line_id, p.sku, p.day, r.warehouse, sum(r.quantity)::int AS units
    FROM placed p JOIN reservations r ON r.order_id = p.order_id AND r.line_id = p.line_id
    WHERE r.status IN ('allocated', 'consumed')
    GROUP BY p.line_id, p.sku, p.day, r.warehouse
), unclaimed AS (
    SELECT p.sku, p.day, sum(p.quantity - coalesce(c.units, 0))::int AS units
    FROM placed p
    LEFT JOIN (SELECT line_id, sum(units)::int AS units FROM claimed GROUP BY line_id) c
        ON c.line_id = p.line_id
    GROUP BY p.sku, p.day
    HAVING sum(p.quantity - coalesce(c.units, 0)) > 0
), homes AS (
    SELECT DISTINCT ON (u.sku) u.sku, w.code AS warehouse
    FROM (SELECT DISTINCT sku FROM unclaimed) u CROSS JOIN warehouses w
    LEFT JOIN stock_levels l ON l.sku = u.sku AND l.warehouse = w.code
    WHERE w.kind <> 'dropship' AND w.closed_at IS NULL
    ORDER BY u.sku, l.sku IS NULL, w.priority, w.code
)
INSERT INTO daily_demand (sku, warehouse, day, units)
SELECT sku, warehouse, day, sum(units) FROM (
    SELECT sku, warehouse, day, units FROM claimed
    UNION ALL
    SELECT u.sku, h.warehouse, u.day, u.units FROM unclaimed u JOIN homes h ON h.sku = u.sku
) demand
GROUP BY sku, warehouse, day;

-- name: next_items
-- The last of the next `$2` items after `$1`; NULL when there is none.
SELECT max(sku) FROM (SELECT sku FROM items WHERE sku > $1 ORDER BY sku LIMIT $2) n;

-- name: demand_series
-- Items after `$1` up to `$2`, by warehouse, with the days on which they were asked for; `since` is
-- the first day they are looked at: no day counts against an item before it was made.
SELECT k.sku, k.warehouse,
    least(greatest((i.created_at AT TIME ZONE $5)::date, $3::date),
        min(d.day), $4::date) AS since,
    array_agg(d.day ORDER BY d.day) FILTER (WHERE d.day IS NOT NULL) AS days,
    array_agg(d.units ORDER BY d.day) FILTER (WHERE d.day IS NOT NULL) AS units
FROM (
    SELECT sku, warehouse FROM stock_levels WHERE sku > $1 AND sku <= $2
    UNION
    SELECT sku, warehouse FROM daily_demand WHERE sku > $1 AND sku <= $2
) k
JOIN items i ON i.sku = k.sku
LEFT JOIN daily_demand d ON d.sku = k.sku AND d.warehouse = k.warehouse
    AND d.day BETWEEN $3::date AND $4::date
GROUP BY k.sku, k.warehouse, i.created_at
ORDER BY k.sku, k.warehouse;

-- name: put_forecasts
INSERT INTO forecasts (sku, warehouse, demand_class, method, mean_daily, sigma_daily, first_day,
    last_day, days_with_demand, total_units, last_demand_on)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[],
    $7::date[], $8::date[], $9::int[], $10::bigint[], $11::date[])
ON CONFLICT (sku, warehouse) DO UPDATE SET demand_class = excluded.demand_class,
    method = excluded.method, mean_daily = excluded.mean_daily,
    sigma_daily = excluded.sigma_daily, first_day = excluded.first_day,
    last_day = excluded.last_day, days_with_demand = excluded.days_with_demand,
    total_units = excluded.total_units, last_demand_on = excluded.last_demand_on,
    computed_at = now();

-- name: positions
-- Items by (sku, warehouse): forecast, stock as it is now, what is being bought, and the terms of
-- the supplier they are bought from (the preferred one, else the cheapest). A sieve leaves out what
-- cannot be of the kinds asked for, whatever is rounded how; the domain decides about the rest.
WITH waiting AS (
    SELECT sku, sum(quantity)::int AS units FROM reservations
    WHERE status = 'backordered' GROUP BY sku
), homes AS (
    SELECT DISTINCT ON (r.sku) r.sku, w.code AS warehouse, r.units
    FROM waiting r CROSS JOIN warehouses w
    LEFT JOIN stock_levels l ON l.sku = r.sku AND l.warehouse = w.code
    WHERE w.kind <> 'dropship' AND w.closed_at IS NULL
    ORDER BY r.sku, l.sku IS NULL, w.priority, w.code
), preparing AS (
    SELECT l.sku, p.warehouse, sum(l.quantity - l.received - l.canceled)::int AS units
    FROM purchase_orders p JOIN purchase_lines l ON l.purchase_order_id = p.id
    WHERE p.status IN ('draft', 'approved') AND l.received + l.canceled < l.quantity
    GROUP BY l.sku, p.warehouse
), terms AS MATERIALIZED (
    SELECT DISTINCT ON (o.sku) o.sku, o.supplier, o.supplier_sku,
        coalesce(o.lead_time_days, s.lead_time_days) AS lead_time_days,
        o.moq, o.pack_size, o.unit_cost, o.currency
    FROM item_suppliers o JOIN suppliers s ON s.code = o.supplier AND s.active
    WHERE o.sku >= $1
    ORDER BY o.sku, o.preferred DESC, o.unit_cost, o.supplier
), places AS (
    SELECT sku, warehouse FROM stock_levels
    WHERE sku >= $1 AND (sku, warehouse) > ($1::text, $2::text)
    UNION
    SELECT sku, warehouse FROM forecasts
    WHERE sku >= $1 AND (sku, warehouse) > ($1::text, $2::text)
    UNION
    SELECT sku, warehouse FROM homes WHERE (sku, warehouse) > ($1::text, $2::text)
), stands AS MATERIALIZED (
    SELECT k.sku, k.warehouse, coalesce(l.on_hand, 0) AS on_hand,
        coalesce(l.allocated, 0) AS allocated, coalesce(l.held, 0) AS held,
        coalesce(l.damaged, 0) AS damaged, coalesce(l.safety, 0) AS safety,
        coalesce(l.incoming, 0) AS incoming, coalesce(p.units, 0) AS preparing,
        coalesce(h.units, 0) AS backordered,
        coalesce(l.on_hand - l.allocated - l.held - l.damaged, 0) AS free,
        coalesce(f.mean_daily, 0) AS mean_daily, coalesce(f.sigma_daily, 0) AS sigma_daily,
        t.supplier, t.supplier_sku, coalesce(t.lead_time_days, $8) AS lead_time_days,
        coalesce(t.moq, 1) AS moq, coalesce(t.pack_size, 1) AS pack_size, t.unit_cost, t.currency
    FROM places k
    JOIN warehouses w ON w.code = k.warehouse AND w.kind <> 'dropship' AND w.closed_at IS NULL
    LEFT JOIN stock_levels l ON l.sku = k.sku AND l.warehouse = k.warehouse
    LEFT JOIN forecasts f ON f.sku = k.sku AND f.warehouse = k.warehouse
    LEFT JOIN homes h ON h.sku = k.sku AND h.warehouse = k.warehouse
    LEFT JOIN preparing p ON p.sku = k.sku AND p.warehouse = k.warehouse
    LEFT JOIN terms t ON t.sku = k.sku
    WHERE ($3::text IS NULL OR k.warehouse = $3) AND ($4::text IS NULL OR t.supplier = $4)
      AND ($5::text[] IS NULL OR k.sku = ANY($5))
)
SELECT s.*, i.name, coalesce(f.demand_class, 'none') AS demand_class,
    coalesce(f.method, 'none') AS method, f.first_day, f.last_day,
    coalesce(f.days_with_demand, 0) AS days_with_demand, coalesce(f.total_units, 0) AS total_units,
    f.last_demand_on, f.computed_at
FROM stands s JOIN items i ON i.sku = s.sku
LEFT JOIN forecasts f ON f.sku = s.sku AND f.warehouse = s.warehouse
WHERE ('low' = ANY($6::text[]) AND s.free + s.incoming + s.preparing - s.backordered <= 2
        + greatest($9::float8 * s.sigma_daily * sqrt(s.lead_time_days) + 1, s.safety)
        + s.mean_daily * s.lead_time_days)
   OR ('dead' = ANY($6::text[]) AND s.mean_daily = 0 AND s.free > 0)
   OR ('overstock' = ANY($6::text[]) AND s.mean_daily > 0
        AND s.free > s.mean_daily * $10::float8 - 1)
ORDER BY s.sku, s.warehouse LIMIT $7;

-- name: picks
-- How often somebody walked for each item of a warehouse since then; items that lie there unpicked
-- are counted with 0.
SELECT sku, sum(picks)::int AS picks FROM (
    SELECT l.sku, count(*) AS picks
    FROM fulfillment_orders f JOIN fulfillment_order_lines l ON l.fulfillment_order_id = f.id
    WHERE f.warehouse = $1 AND f.created_at >= $2 AND l.picked > 0
    GROUP BY l.sku
    UNION ALL
    SELECT sku, 0 FROM stock_levels WHERE warehouse = $1 AND on_hand > 0
) counted
GROUP BY sku ORDER BY sku;

-- name: bins
-- The places that pickers pass, in walking order, with the item of each that has most units there.
SELECT b.code, b.zone, b.sequence, p.sku
FROM bins b LEFT JOIN LATERAL (
    SELECT sku FROM stock_places
    WHERE warehouse = b.warehouse AND bin = b.code AND quantity > 0
    GROUP BY sku ORDER BY sum(quantity) DESC, sku LIMIT 1
) p ON true
WHERE b.warehouse = $1 AND b.kind = 'pick' ORDER BY b.sequence, b.code;
