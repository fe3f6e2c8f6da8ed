-- name: read_sites
-- Warehouses as the rules see them, with their zones and exclusions in the order of their lists.
SELECT w.code, w.kind, w.country, w.city, w.postal_code, w.priority,
    w.closed_at IS NOT NULL AS closed, w.handling_days,
    (SELECT coalesce(jsonb_agg(to_jsonb(z) - 'warehouse' - 'position' ORDER BY z.position), '[]')
     FROM sourcing_zones z WHERE z.warehouse = w.code) AS zones,
    (SELECT coalesce(jsonb_agg(to_jsonb(e) - 'warehouse' - 'position' ORDER BY e.position), '[]')
     FROM sourcing_exclusions e WHERE e.warehouse = w.code) AS exclusions
FROM warehouses w WHERE w.code = ANY($1::text[]);

-- name: read_rules
-- The shop-wide rules: one row.
SELECT criteria, currency, working_days,
    home_zone, home_transit_days, home_parcel_cost, home_unit_cost,
    abroad_zone, abroad_transit_days, abroad_parcel_cost, abroad_unit_cost
FROM sourcing_rules;

-- name: lock_rules
-- Changes of rules, whoever's, come one after the other.
SELECT FROM sourcing_rules FOR NO KEY UPDATE;

-- name: put_rules
UPDATE sourcing_rules SET criteria = $1, currency = $2, working_days = $3,
    home_zone = $4, home_transit_days = $5, home_parcel_cost = $6, home_unit_cost = $7,
    abroad_zone = $8, abroad_transit_days = $9, abroad_parcel_cost = $10, abroad_unit_cost = $11,
    updated_at = now();

-- name: costs_are_named
-- Whether any warehouse's zone costs something: those figures are in the currency of the rules.
SELECT EXISTS (SELECT FROM sourcing_zones WHERE parcel_cost > 0 OR unit_cost > 0);

-- name: put_handling_days
UPDATE warehouses SET handling_days = $2, updated_at = now()
WHERE code = $1 AND handling_days <> $2;

-- name: drop_zones
DELETE FROM sourcing_zones WHERE warehouse = $1;

-- name: add_zone
INSERT INTO sourcing_zones (warehouse, position, zone, transit_days, parcel_cost, unit_cost,
    countries, postal_prefixes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: drop_exclusions
DELETE FROM sourcing_exclusions WHERE warehouse = $1;

-- name: add_exclusion
INSERT INTO sourcing_exclusions (warehouse, position, category, sku, country, postal_prefix, note)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: add_change
INSERT INTO sourcing_changes (warehouse, actor, role, before, after)
VALUES ($1, $2, $3, $4, $5);

-- name: list_changes
-- Changes of rules, newest first: of all, of one warehouse, or ('') of the shop-wide ones.
SELECT id, nullif(warehouse, '') AS warehouse, actor, role, before, after, occurred_at
FROM sourcing_changes
WHERE ($1::text IS NULL OR warehouse = $1) AND ($2::bigint IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: look_at_items
-- The shop-wide rules, beside each warehouse that keeps one of these items (or beside none), what
-- is free there without a lock, and whether somebody waits for any of it.
SELECT r.criteria, r.currency, r.working_days,
    r.home_zone, r.home_transit_days, r.home_parcel_cost, r.home_unit_cost,
    r.abroad_zone, r.abroad_transit_days, r.abroad_parcel_cost, r.abroad_unit_cost,
    w.code, w.kind, w.country, w.city, w.postal_code, w.priority,
    w.closed_at IS NOT NULL AS closed, w.handling_days,
    (SELECT coalesce(jsonb_agg(to_jsonb(z) - 'warehouse' - 'position' ORDER BY z.position), '[]')
     FROM sourcing_zones z WHERE z.warehouse = w.code) AS zones,
    (SELECT coalesce(jsonb_agg(to_jsonb(e) - 'warehouse' - 'position' ORDER BY e.position), '[]')
     FROM sourcing_exclusions e WHERE e.warehouse = w.code) AS exclusions,
    s.skus, s.free, EXISTS (
        SELECT FROM reservations q WHERE q.status = 'backordered' AND q.sku = ANY($1::text[])
    ) AS waited_for
FROM sourcing_rules r LEFT JOIN (
    SELECT l.warehouse, array_agg(l.sku) AS skus,
        array_agg(l.on_hand - l.allocated - l.held - l.damaged - l.safety) AS free
    FROM stock_levels l WHERE l.sku = ANY($1::text[]) GROUP BY l.warehouse
) s ON true LEFT JOIN warehouses w ON w.code = s.warehouse;

-- name: read_categories
SELECT sku, category FROM items WHERE sku = ANY($1::text[]) AND category IS NOT NULL;

-- name: read_shelves
-- What could be promised of these items now, without a lock.
SELECT l.warehouse, l.sku, CASE WHEN w.closed_at IS NULL
    THEN l.on_hand - l.allocated - l.held - l.damaged - l.safety ELSE 0 END AS available,
    w.priority
FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse
WHERE l.sku = ANY($1::text[]);
