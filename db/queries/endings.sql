-- name: read_delivery_rules
-- The rules in the order in which they are looked at.
SELECT event, action, after_seconds, tell_customer, country, value_up_to, currency
FROM delivery_policies ORDER BY position;

-- name: lock_delivery_rules
-- Changes of the rules come one after the other; readers go on.
LOCK TABLE delivery_policies IN SHARE ROW EXCLUSIVE MODE;

-- name: drop_delivery_rules
DELETE FROM delivery_policies;

-- name: add_delivery_rule
INSERT INTO delivery_policies
    (position, event, action, after_seconds, tell_customer, country, value_up_to, currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: parcel_facts
-- Whereto an order goes; the address stays here.
SELECT coalesce(c.shipping_address ->> 'country', '') AS country
FROM order_contacts c WHERE c.order_id = $1;

-- name: put_ending
-- The last decision about a parcel; what was settled stays settled.
INSERT INTO parcel_endings
    (shipment_id, order_id, event, action, tell_customer, due_at, flagged)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7)
ON CONFLICT (shipment_id) DO UPDATE SET event = excluded.event, action = excluded.action,
    tell_customer = excluded.tell_customer, decided_at = now(), due_at = excluded.due_at,
    flagged = excluded.flagged
WHERE parcel_endings.resolution IS NULL;

-- name: read_ending
SELECT event, action, tell_customer, due_at, resolution, received_at, warehouse
FROM parcel_endings WHERE shipment_id = $1;

-- name: settle_ending
INSERT INTO parcel_endings
    (shipment_id, order_id, event, action, due_at, flagged, resolution, resolved_at)
VALUES ($1, $2, $3, $4, now(), true, $4, now())
ON CONFLICT (shipment_id) DO UPDATE SET resolution = excluded.resolution, resolved_at = now(),
    flagged = true;

-- name: intercept_parcel
-- The carrier has promised to stop it; what the rules had decided is overtaken.
INSERT INTO parcel_endings
    (shipment_id, order_id, event, action, due_at, flagged, intercepted_at)
VALUES ($1, $2, 'returned_to_sender', 'refund', now(), true, now())
ON CONFLICT (shipment_id) DO UPDATE SET intercepted_at = now(), action = 'refund', flagged = true;

-- name: end_watch
-- The parcel moves again: nobody waits for its deadline.
UPDATE parcel_endings SET flagged = true
WHERE shipment_id = $1 AND resolution IS NULL AND NOT flagged;

-- name: claim_due_endings
-- Parcels whose time to recover is over, each told once.
-- `moved`: the carrier was heard of since.
UPDATE parcel_endings e SET flagged = true
FROM shipments s
WHERE s.id = e.shipment_id AND e.shipment_id IN (
    SELECT shipment_id FROM parcel_endings
    WHERE NOT flagged AND resolution IS NULL AND due_at < now()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING e.shipment_id, e.order_id, e.event, e.action,
    coalesce(s.tracking_at > e.decided_at, false) AS moved;

-- name: receive_parcel
-- A parcel is back at a warehouse of ours; no row when it was before.
INSERT INTO parcel_endings
    (shipment_id, order_id, event, action, due_at, flagged, received_at, warehouse)
VALUES ($1, $2, 'returned_to_sender', 'ask_person', now(), true, now(), $3)
ON CONFLICT (shipment_id) DO UPDATE SET received_at = now(), warehouse = excluded.warehouse,
    flagged = true
WHERE parcel_endings.received_at IS NULL
RETURNING shipment_id;

-- name: bring_back
-- Units of a received parcel that are here by now: of each line so many, of those not named none.
UPDATE shipment_lines c
SET came_back = coalesce((SELECT b.quantity FROM unnest($2::text[], $3::int[])
    AS b (line_id, quantity) WHERE b.line_id = c.line_id), 0)
WHERE c.shipment_id = $1;

-- name: write_off
UPDATE shipment_lines SET written_off = written_off + $3 WHERE shipment_id = $1 AND line_id = $2;

-- name: parcel_place
-- Where a parcel was sent from, and of which order it is.
SELECT s.order_id, f.warehouse
FROM shipments s JOIN fulfillment_orders f ON f.id = s.fulfillment_order_id WHERE s.id = $1;

-- name: pieces_of_parcel
-- The numbered pieces that left in a parcel.
SELECT sku, serial FROM serials WHERE shipment_id = $1 AND status = 'shipped' ORDER BY sku, serial;

-- name: add_claim
-- Once per parcel; units that are written off later raise it. What was settled is open again
-- then, with what was recovered; of what was dropped, only these units are claimed.
INSERT INTO claims (id, order_id, shipment_id, reason, resolution, carrier, amount, currency)
SELECT $1, s.order_id, s.id, $3, $4, coalesce(s.carrier, s.provider), $5, o.currency
FROM shipments s JOIN orders o ON o.id = s.order_id WHERE s.id = $2
ON CONFLICT (shipment_id) DO UPDATE SET status = 'open', closed_at = NULL, closed_by = NULL,
    amount = excluded.amount
        + CASE WHEN claims.status = 'dropped' THEN 0 ELSE claims.amount END
RETURNING id;

-- name: claim_missing
-- What was settled before it came, and did not come: once per parcel.
INSERT INTO claims (id, order_id, shipment_id, reason, resolution, carrier, amount, currency)
SELECT $1, s.order_id, s.id, 'lost', coalesce(e.resolution, 'refund'),
    coalesce(s.carrier, s.provider), $3, o.currency
FROM shipments s JOIN orders o ON o.id = s.order_id
    LEFT JOIN parcel_endings e ON e.shipment_id = s.id
WHERE s.id = $2
ON CONFLICT (shipment_id) DO NOTHING RETURNING id;

-- name: drop_claim
-- The parcel turned up: nothing is owed for it.
UPDATE claims SET status = 'dropped', closed_at = now(), closed_by = $2
WHERE shipment_id = $1 AND status = 'open' RETURNING id;

-- name: lower_claim
-- A part of what was written off turned up.
UPDATE claims SET amount = $2 WHERE shipment_id = $1 AND status = 'open' RETURNING id;

-- name: lock_claim
SELECT id, order_id, shipment_id, reason, resolution, carrier, amount, currency, recovered, status,
    note, opened_at, closed_at, closed_by
FROM claims WHERE id = $1 FOR UPDATE;

-- name: settle_claim
UPDATE claims SET status = $2, recovered = $3, note = coalesce($4, note), closed_at = now(),
    closed_by = $5
WHERE id = $1;

-- name: list_claims
-- Newest first.
SELECT id, order_id, shipment_id, reason, resolution, carrier, amount, currency, recovered, status,
    note, opened_at, closed_at, closed_by
FROM claims
WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR order_id = $2)
  AND ($3::text IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4;
