-- name: lock_serials
-- These pieces of an item, in the one order in which pieces are locked.
SELECT serial, status, warehouse, order_id, line_id FROM serials
WHERE sku = $1 AND serial = ANY($2::text[]) ORDER BY serial FOR UPDATE;

-- name: known_serials
SELECT serial, status, warehouse, line_id FROM serials
WHERE sku = $1 AND serial = ANY($2::text[]);

-- name: bring_serials
-- Pieces that came in, new ones and those that come back.
WITH brought AS (
    INSERT INTO serials AS s (sku, serial, status, warehouse)
    SELECT $1, one.serial, 'in_stock', $3
    FROM unnest($2::text[]) AS one (serial) ORDER BY one.serial
    ON CONFLICT (sku, serial) DO UPDATE SET status = 'in_stock', warehouse = $3, order_id = NULL,
        line_id = NULL, shipment_id = NULL, updated_at = now()
    WHERE s.status IN ('shipped', 'gone')
    RETURNING s.sku, s.serial, s.status, s.warehouse
), told AS (
    INSERT INTO serial_movements (sku, serial, status, warehouse, cause, actor, occurred_at)
    SELECT sku, serial, status, warehouse, $4, $5, coalesce($6::timestamptz, now()) FROM brought
)
SELECT serial FROM brought;

-- name: change_serials
-- Pieces that were locked and looked at become something else, and their story tells it.
WITH changed AS (
    UPDATE serials SET status = $3, warehouse = $4, order_id = $5, line_id = $6, shipment_id = $7,
        updated_at = now()
    WHERE sku = $1 AND serial = ANY($2::text[])
    RETURNING sku, serial, status, warehouse, order_id, shipment_id
)
INSERT INTO serial_movements
    (sku, serial, status, warehouse, order_id, shipment_id, cause, actor, occurred_at)
SELECT sku, serial, status, warehouse, order_id, shipment_id, $8, $9,
    coalesce($10::timestamptz, now())
FROM changed;

-- name: return_serials
-- Pieces go back to the customer of an order's line, as of the parcel in which they had left.
WITH back AS (
    UPDATE serials s SET status = 'shipped', warehouse = NULL, order_id = $3, line_id = $4,
        shipment_id = coalesce(
            (SELECT m.shipment_id FROM serial_movements m
             WHERE m.sku = s.sku AND m.serial = s.serial AND m.order_id = $3
                AND m.status = 'shipped' ORDER BY m.id DESC LIMIT 1),
            (SELECT min(l.shipment_id) FROM shipment_lines l WHERE l.line_id = $4)),
        updated_at = now()
    WHERE s.sku = $1 AND s.serial = ANY($2::text[])
    RETURNING sku, serial, status, order_id, shipment_id
)
INSERT INTO serial_movements (sku, serial, status, order_id, shipment_id, cause, actor, occurred_at)
SELECT sku, serial, status, order_id, shipment_id, $5, $6, coalesce($7::timestamptz, now())
FROM back;

-- name: picked_serials
-- Pieces that were picked for a line at a warehouse and are not packed yet.
SELECT serial FROM serials
WHERE order_id = $1 AND line_id = $2 AND warehouse = $3 AND status = 'picked'
ORDER BY serial FOR UPDATE;

-- name: picked_for_order
SELECT line_id, count(*)::int AS pieces FROM serials
WHERE order_id = $1 AND status = 'picked' GROUP BY line_id;

-- name: ship_serials
-- The pieces of a parcel left the house.
WITH gone AS (
    UPDATE serials SET status = 'shipped', warehouse = NULL, updated_at = now()
    WHERE shipment_id = $1 AND status = 'packed'
    RETURNING sku, serial, status, order_id, shipment_id
)
INSERT INTO serial_movements (sku, serial, status, order_id, shipment_id, cause, actor, occurred_at)
SELECT sku, serial, status, order_id, shipment_id, $2, $3, coalesce($4::timestamptz, now())
FROM gone;

-- name: give_serials_back
-- Pieces of an order that did not leave are for anybody again.
WITH back AS (
    UPDATE serials SET status = 'in_stock', order_id = NULL, line_id = NULL, shipment_id = NULL,
        updated_at = now()
    WHERE order_id = $1 AND status IN ('picked', 'packed')
    RETURNING sku, serial, status, warehouse
)
INSERT INTO serial_movements (sku, serial, status, warehouse, cause, actor)
SELECT sku, serial, status, warehouse, $2, $3 FROM back;

-- name: give_spare_serials_back
-- Pieces that were picked for units which the order does not want any more.
WITH wanted AS (
    SELECT l.line_id, f.warehouse, sum(l.picked - l.packed) AS quantity
    FROM fulfillment_orders f JOIN fulfillment_order_lines l ON l.fulfillment_order_id = f.id
    WHERE f.order_id = $1 AND f.status <> 'cancelled' GROUP BY l.line_id, f.warehouse
), spare AS (
    SELECT s.sku, s.serial FROM (
        SELECT sku, serial, line_id, warehouse,
            row_number() OVER (PARTITION BY line_id, warehouse ORDER BY serial) AS place
        FROM serials WHERE order_id = $1 AND status = 'picked'
    ) s LEFT JOIN wanted w ON w.line_id = s.line_id AND w.warehouse = s.warehouse
    WHERE s.place > coalesce(w.quantity, 0)
), back AS (
    UPDATE serials s SET status = 'in_stock', order_id = NULL, line_id = NULL, updated_at = now()
    FROM spare WHERE s.sku = spare.sku AND s.serial = spare.serial
    RETURNING s.sku, s.serial, s.status, s.warehouse
)
INSERT INTO serial_movements (sku, serial, status, warehouse, cause, actor)
SELECT sku, serial, status, warehouse, $2, $3 FROM back;

-- name: list_serials
-- Pieces with their story, oldest first.
SELECT s.sku, s.serial, s.status, s.warehouse, s.order_id, s.line_id, s.shipment_id, s.updated_at,
    (SELECT jsonb_agg(to_jsonb(m) - '{id,sku,serial}'::text[] ORDER BY m.id)
        FROM serial_movements m WHERE m.sku = s.sku AND m.serial = s.serial) AS history
FROM serials s
WHERE ($1::text IS NULL OR s.serial = $1) AND ($2::text IS NULL OR s.sku = $2)
  AND ($3::text IS NULL OR s.status = $3) AND ($4::text IS NULL OR s.warehouse = $4)
  AND ($5::text IS NULL OR s.order_id = $5)
  AND ($6::text IS NULL OR (s.sku, s.serial) > ($6, $7))
ORDER BY s.sku, s.serial LIMIT $8;

-- name: serial_tracked
SELECT sku FROM items WHERE sku = ANY($1::text[]) AND serial_tracked;
