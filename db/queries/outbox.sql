-- name: add_outbox
-- News to be told after the commit, by whoever comes first: the writer or a relay.
INSERT INTO outbox (order_id, kind, payload, due_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))
RETURNING id;

-- name: claim_outbox
-- Rows that are due, each to one relay: a crashed relay's rows come due again.
UPDATE outbox SET attempts = attempts + 1,
    due_at = now() + make_interval(secs => least(60, 2 * power(2, least(attempts, 5))::int))
WHERE id IN (
    SELECT id FROM outbox WHERE due_at <= now() AND (kind = $2) = $3 ORDER BY due_at, id
    LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, order_id, kind, payload, attempts;

-- name: finish_outbox
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: fail_outbox
-- Why it did not go out; the next try is already due.
UPDATE outbox SET error = $2 WHERE id = $1;

-- name: claim_inbox
-- News from outside that nobody works on.
UPDATE inbox SET attempts = attempts + 1,
    due_at = now() + make_interval(secs => least(60, 2 * power(2, least(attempts, 5))::int))
WHERE id IN (
    SELECT id FROM inbox WHERE processed_at IS NULL AND due_at <= now() ORDER BY due_at, id
    LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, source, provider, event_id, payload, attempts;

-- name: finish_inbox
UPDATE inbox SET processed_at = now(), outcome = $2 WHERE id = $1;

-- name: claim_overdue_work
-- Locations past their deadline, each flagged once.
UPDATE fulfillment_orders SET overdue_flagged = true
WHERE id IN (
    SELECT id FROM fulfillment_orders
    WHERE status IN ('open', 'in_progress') AND NOT overdue_flagged AND due_at < now()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, order_id;

-- name: claim_overdue_parcels
-- Parcels past their delivery deadline, each flagged once.
UPDATE shipments SET overdue_flagged = true
WHERE id IN (
    SELECT id FROM shipments
    WHERE status = 'shipped' AND NOT overdue_flagged AND due_at < now()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, order_id;

-- name: claim_expiring_authorizations
-- Authorizations that run out within `$2` seconds, each flagged once.
UPDATE payments SET expiry_flagged = true
WHERE id IN (
    SELECT id FROM payments
    WHERE status = 'authorized' AND NOT expiry_flagged
      AND expires_at < now() + make_interval(secs => $2)
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, order_id;

-- name: add_outbox_rows
-- The same for many orders at once.
INSERT INTO outbox (order_id, kind, payload, due_at)
SELECT n.order_id, $2, n.payload, now() + make_interval(secs => $4)
FROM unnest($1::text[], $3::jsonb[]) AS n (order_id, payload);
