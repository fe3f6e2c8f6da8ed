-- name: list_attention
-- What waits for a person, longest first. An order is at a warehouse that still has to do something
-- for it.
SELECT a.order_id, o.number, o.channel, o.status, o.payment_status, o.fulfillment_status,
    o.return_status, a.code, a.subject, a.detail, a.can, a.since,
    extract(epoch FROM now() - a.since)::bigint AS age_seconds
FROM attention a JOIN orders o ON o.id = a.order_id
WHERE ($1::text[] IS NULL OR a.code = ANY($1))
    AND ($2::text IS NULL OR o.channel = $2)
    AND ($3::text IS NULL OR EXISTS (
        SELECT FROM fulfillment_orders f WHERE f.order_id = o.id AND f.warehouse = $3
            AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')))
    AND ($4::bigint IS NULL OR a.since <= now() - make_interval(secs => $4))
    AND ($5::timestamptz IS NULL
        OR (a.since, a.order_id, a.code, a.subject) > ($5, $6::text, $7::text, $8::text))
ORDER BY a.since, a.order_id, a.code, a.subject LIMIT $9;

-- name: sum_attention
-- How much of each kind waits, and since when.
SELECT code, count(*) AS orders, min(since) AS oldest_since,
    extract(epoch FROM now() - min(since))::bigint AS oldest_age_seconds
FROM attention GROUP BY code ORDER BY count(*) DESC, code;
