-- name: add_holds
-- Stock that checkouts keep, each until its time is over.
INSERT INTO stock_holds (id, reference, actor, expires_at)
SELECT h.id, h.reference, h.actor, now() + make_interval(secs => h.seconds)
FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS h (id, reference, actor, seconds)
RETURNING id, expires_at, created_at;

-- name: add_hold_lines
INSERT INTO stock_hold_lines (hold_id, sku, warehouse, quantity)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]);

-- name: find_hold
SELECT h.id, h.reference, h.status, h.order_id, h.expires_at, h.created_at, h.ended_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'sku', l.sku, 'warehouse', l.warehouse, 'quantity', l.quantity)
        ORDER BY l.sku, l.warehouse), '[]') FROM stock_hold_lines l WHERE l.hold_id = h.id) AS lines
FROM stock_holds h WHERE h.id = $1;

-- name: lock_hold
SELECT h.id, h.status, h.order_id, h.expires_at <= now() AS over FROM stock_holds h
WHERE h.id = $1 FOR UPDATE;

-- name: hold_lines
SELECT l.hold_id, l.sku, l.warehouse, l.quantity FROM stock_hold_lines l
WHERE l.hold_id = ANY($1::text[]) ORDER BY l.sku, l.warehouse, l.hold_id;

-- name: end_holds
UPDATE stock_holds SET status = $2, ended_at = now() WHERE id = ANY($1::text[]);

-- name: extend_hold
-- Never beyond `$3` seconds after it began, and never earlier than it is.
UPDATE stock_holds SET expires_at = greatest(expires_at, least(
    now() + make_interval(secs => $2), created_at + make_interval(secs => $3)))
WHERE id = $1;

-- name: bind_hold
-- An order is placed with it: it has no end of its own any more.
UPDATE stock_holds SET order_id = $2
WHERE id = $1 AND status = 'held' AND order_id IS NULL AND expires_at > now()
RETURNING id;

-- name: holds_of_order
SELECT id FROM stock_holds WHERE order_id = $1 AND status = 'held' FOR UPDATE;

-- name: claim_expired_holds
-- Holds whose time is over and that no order took up, each to one relay.
SELECT id FROM stock_holds
WHERE status = 'held' AND order_id IS NULL AND expires_at <= now()
ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED;
