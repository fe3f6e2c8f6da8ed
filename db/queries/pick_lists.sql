-- name: lock_warehouse
-- Pick lists of a warehouse are made one after another, so that each sees what the others took.
SELECT closed_at FROM warehouses WHERE code = $1 FOR NO KEY UPDATE;

-- name: candidates
-- Work that nobody picks yet, urgent first, then by its deadline; with the units left to pick.
SELECT f.id, f.order_id, f.warehouse, f.status, o.status AS order_status,
    o.cancel_requested_at IS NOT NULL AS cancel_requested,
    EXISTS (SELECT FROM holds h WHERE h.order_id = o.id AND h.released_at IS NULL) AS on_hold,
    (SELECT c.pick_list_id FROM pick_list_orders c
        WHERE c.fulfillment_order_id = f.id AND c.claimed) AS claimed_by,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('line_id', l.line_id, 'sku', l.sku,
            'quantity', l.quantity - l.picked - l.short - l.canceled) ORDER BY l.line_id), '[]')
        FROM fulfillment_order_lines l WHERE l.fulfillment_order_id = f.id
            AND l.quantity > l.picked + l.short + l.canceled) AS lines
FROM fulfillment_orders f JOIN orders o ON o.id = f.order_id
WHERE f.warehouse = $1 AND (f.id = ANY($2::text[]) OR ($2::text[] IS NULL
    AND f.status IN ('open', 'scheduled', 'in_progress') AND o.status = 'confirmed'
    AND o.cancel_requested_at IS NULL
    AND NOT EXISTS (SELECT FROM holds h WHERE h.order_id = o.id AND h.released_at IS NULL)
    AND NOT EXISTS (SELECT FROM pick_list_orders c
        WHERE c.fulfillment_order_id = f.id AND c.claimed)
    AND EXISTS (SELECT FROM fulfillment_order_lines l WHERE l.fulfillment_order_id = f.id
        AND l.quantity > l.picked + l.short + l.canceled)))
ORDER BY o.priority DESC, f.due_at NULLS LAST, f.created_at, f.id LIMIT $3;

-- name: taken_by_lists
-- What pick lists under way will still take off the bins of these items.
SELECT t.sku, t.bin, t.lot, sum(p.quantity - p.picked - p.short)::int AS quantity
FROM pick_lists k
JOIN pick_tasks t ON t.pick_list_id = k.id AND t.bin <> '' AND t.sku = ANY($2::text[])
JOIN pick_task_parts p ON p.pick_list_id = t.pick_list_id AND p.position = t.position
JOIN fulfillment_orders f ON f.id = p.fulfillment_order_id
WHERE k.warehouse = $1 AND k.status = 'in_progress'
  AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')
GROUP BY t.sku, t.bin, t.lot;

-- name: add_list
INSERT INTO pick_lists (id, warehouse, picker) VALUES ($1, $2, $3);

-- name: add_list_orders
INSERT INTO pick_list_orders (pick_list_id, fulfillment_order_id, slot)
SELECT $1, work.id, work.slot FROM unnest($2::text[]) WITH ORDINALITY AS work (id, slot);

-- name: add_tasks
INSERT INTO pick_tasks (pick_list_id, position, sku, bin, lot, quantity)
SELECT $1, t.position, t.sku, t.bin, t.lot, t.quantity
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::int[])
    AS t (position, sku, bin, lot, quantity);

-- name: add_parts
INSERT INTO pick_task_parts (pick_list_id, position, fulfillment_order_id, line_id, quantity)
SELECT $1, p.position, p.work_id, p.line_id, p.quantity
FROM unnest($2::int[], $3::text[], $4::text[], $5::int[])
    AS p (position, work_id, line_id, quantity);

-- name: lock_list
SELECT status FROM pick_lists WHERE id = $1 FOR UPDATE;

-- name: list_warehouse
SELECT warehouse FROM pick_lists WHERE id = $1;

-- name: orders_of_list
-- The orders whose work is on a list, in the order in which orders are locked.
SELECT DISTINCT f.order_id FROM pick_list_orders c
JOIN fulfillment_orders f ON f.id = c.fulfillment_order_id
WHERE c.pick_list_id = $1 ORDER BY f.order_id;

-- name: parts
-- What is left of each part of lists, and of the line it is for, as the work stands now.
SELECT p.pick_list_id, p.position, p.fulfillment_order_id, p.line_id, c.slot, t.sku, t.bin, t.lot,
    f.order_id, p.quantity, p.picked, p.short, p.quantity - p.picked - p.short AS left,
    CASE WHEN f.status IN ('open', 'scheduled', 'in_progress') AND o.status = 'confirmed'
            AND o.cancel_requested_at IS NULL
            AND NOT EXISTS (SELECT FROM holds h
                WHERE h.order_id = o.id AND h.released_at IS NULL)
        THEN l.quantity - l.picked - l.short - l.canceled ELSE 0 END AS wanted,
    f.status IN ('closed', 'cancelled', 'incomplete') OR o.status <> 'confirmed'
        OR l.quantity = l.picked + l.short + l.canceled AS over
FROM pick_task_parts p
JOIN pick_tasks t ON t.pick_list_id = p.pick_list_id AND t.position = p.position
JOIN pick_list_orders c ON c.pick_list_id = p.pick_list_id
    AND c.fulfillment_order_id = p.fulfillment_order_id
JOIN fulfillment_orders f ON f.id = p.fulfillment_order_id
JOIN orders o ON o.id = f.order_id
JOIN fulfillment_order_lines l ON l.fulfillment_order_id = p.fulfillment_order_id
    AND l.line_id = p.line_id
WHERE p.pick_list_id = ANY($1::text[])
ORDER BY p.pick_list_id, p.position, c.slot, p.line_id;

-- name: add_found
UPDATE pick_task_parts SET picked = picked + $5, short = short + $6
WHERE pick_list_id = $1 AND position = $2 AND fulfillment_order_id = $3 AND line_id = $4;

-- name: close_list
-- The list is over; what it did not pick is anybody's again.
WITH closed AS (
    UPDATE pick_lists SET status = $2, closed_at = now() WHERE id = $1
)
UPDATE pick_list_orders SET claimed = false WHERE pick_list_id = $1 AND claimed;

-- name: lock_lists_of_order
-- The rounds under way that an order's work is on.
SELECT id FROM pick_lists k
WHERE status = 'in_progress' AND EXISTS (SELECT FROM pick_list_orders c
    JOIN fulfillment_orders f ON f.id = c.fulfillment_order_id
    WHERE c.pick_list_id = k.id AND f.order_id = $1)
ORDER BY id FOR UPDATE;

-- name: read_lists
-- Pick lists with their slots and stops, in the order of the ids asked for.
SELECT k.id, k.warehouse, k.picker, k.status, k.created_at, k.closed_at,
    (SELECT jsonb_agg(jsonb_build_object('slot', c.slot,
            'fulfillment_order_id', c.fulfillment_order_id, 'order_id', f.order_id,
            'order_number', o.number) ORDER BY c.slot)
        FROM pick_list_orders c JOIN fulfillment_orders f ON f.id = c.fulfillment_order_id
        JOIN orders o ON o.id = f.order_id WHERE c.pick_list_id = k.id) AS slots,
    (SELECT jsonb_agg(jsonb_build_object('task', t.position, 'bin', nullif(t.bin, ''),
            'zone', b.zone, 'lot', nullif(t.lot, ''), 'expires_on', x.expires_on, 'sku', t.sku,
            'name', i.name, 'serial_tracked', i.serial_tracked, 'quantity', t.quantity)
            ORDER BY t.position)
        FROM pick_tasks t JOIN items i ON i.sku = t.sku
        LEFT JOIN bins b ON b.warehouse = k.warehouse AND b.code = t.bin
        LEFT JOIN lots x ON x.sku = t.sku AND x.lot = t.lot
        WHERE t.pick_list_id = k.id) AS tasks
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
JOIN pick_lists k ON k.id = wanted.id
ORDER BY wanted.place;

-- name: find_lists
SELECT id, created_at FROM pick_lists
WHERE ($1::text IS NULL OR warehouse = $1) AND ($2::text IS NULL OR status = $2)
  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
ORDER BY created_at DESC, id DESC LIMIT $5;
