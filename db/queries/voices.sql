-- name: add_feedback
-- What a customer says, once per reference.
INSERT INTO feedback (id, order_id, reference, score, title, comment, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()))
ON CONFLICT (order_id, reference) DO NOTHING
RETURNING id, reference, score, title, comment, occurred_at, created_at;

-- name: find_feedback
SELECT id, reference, score, title, comment, occurred_at, created_at
FROM feedback WHERE order_id = $1 AND reference = $2;

-- name: read_event
SELECT id, type, actor, role, data, note, occurred_at, recorded_at FROM events WHERE id = $1;

-- name: claim_unasked
-- Orders that arrived so long ago, and not much longer: nobody is asked about what was delivered
-- before the shop began to ask. Nor is who has said something, or came to the end without the goods.
UPDATE orders SET feedback_asked_at = now() WHERE id IN (
    SELECT o.id FROM orders o
    WHERE o.delivered_at <= now() - make_interval(secs => $1)
        AND o.delivered_at > now() - make_interval(secs => $1) - interval '7 days'
        AND o.feedback_asked_at IS NULL AND o.status IN ('confirmed', 'completed')
        AND o.fulfillment_status = 'delivered'
        AND NOT EXISTS (SELECT FROM feedback f WHERE f.order_id = o.id)
    ORDER BY o.delivered_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id;

-- name: has_feedback
SELECT EXISTS (SELECT FROM feedback WHERE order_id = $1);
