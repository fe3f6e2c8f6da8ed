-- name: add_transfer
INSERT INTO transfers (id, from_warehouse, to_warehouse, reference, dispatched_by, dispatched_at)
VALUES ($1, $2, $3, $4, $5, coalesce($6, now()));

-- name: add_transfer_lines
INSERT INTO transfer_lines (transfer_id, sku, lot, quantity, serials)
SELECT $1, l.sku, l.lot, l.quantity, coalesce(string_to_array(nullif(l.serials, ''), chr(31)), '{}')
FROM unnest($2::text[], $3::text[], $4::int[], $5::text[]) AS l (sku, lot, quantity, serials);

-- name: lock_transfer
SELECT id, from_warehouse, to_warehouse, reference, status FROM transfers
WHERE id = $1 FOR UPDATE;

-- name: transfer_lines
SELECT sku, lot, quantity, serials FROM transfer_lines WHERE transfer_id = $1 ORDER BY sku, lot;

-- name: close_transfer
UPDATE transfers SET status = 'received', received_by = $2, received_at = coalesce($3, now())
WHERE id = $1;

-- name: close_transfer_line
UPDATE transfer_lines SET received = $4, reason = $5
WHERE transfer_id = $1 AND sku = $2 AND lot = $3;

-- name: list_transfers
-- Transfers with their lines, newest first.
SELECT t.id, t.from_warehouse, t.to_warehouse, t.reference, t.status, t.dispatched_by,
    t.dispatched_at, t.received_by, t.received_at,
    (SELECT jsonb_agg(jsonb_build_object('sku', l.sku, 'lot', nullif(l.lot, ''),
            'quantity', l.quantity, 'received', l.received, 'difference', l.received - l.quantity,
            'reason', l.reason, 'serials', l.serials) ORDER BY l.sku, l.lot)
        FROM transfer_lines l WHERE l.transfer_id = t.id) AS lines
FROM transfers t
WHERE ($1::text IS NULL OR t.id = $1)
  AND ($2::text IS NULL OR t.from_warehouse = $2 OR t.to_warehouse = $2)
  AND ($3::text IS NULL OR t.status = $3)
  AND ($4::timestamptz IS NULL OR (t.dispatched_at, t.id) < ($4, $5))
ORDER BY t.dispatched_at DESC, t.id DESC LIMIT $6;
