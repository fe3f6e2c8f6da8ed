-- name: list_attention
-- What waits for a person, longest first. An order is at a warehouse that still has to do something
-- for it.
SELECT w.kind, w.id, coalesce(w.number, r.number, CASE w.kind WHEN 'order' THEN o.number END)
        AS number, w.order_id, o.number AS order_number, o.channel, o.status, o.payment_status,
    o.fulfillment_status, o.return_status, w.warehouse, w.code, w.subject, w.detail, w.can, w.since,
    extract(epoch FROM now() - w.since)::bigint AS age_seconds
FROM waiting w LEFT JOIN orders o ON o.id = w.order_id
    LEFT JOIN returns r ON r.id = w.id AND w.kind = 'return'
WHERE ($1::text[] IS NULL OR w.code = ANY($1))
    AND ($2::text[] IS NULL OR w.kind = ANY($2))
    AND ($3::text IS NULL OR o.channel = $3)
    AND ($4::text IS NULL OR w.warehouse = $4 OR EXISTS (
        SELECT FROM fulfillment_orders f WHERE f.order_id = o.id AND f.warehouse = $4
            AND f.status IN ('open', 'scheduled', 'in_progress', 'on_hold')))
    AND ($5::bigint IS NULL OR w.since <= now() - make_interval(secs => $5))
    AND ($6::timestamptz IS NULL
        OR (w.since, w.id, w.code, w.subject) > ($6, $7::text, $8::text, $9::text))
ORDER BY w.since, w.id, w.code, w.subject LIMIT $10;

-- name: sum_attention
-- How much of each reason waits, of how many orders, and since when.
SELECT code, array_agg(DISTINCT kind ORDER BY kind) AS kinds, count(*) AS count,
    count(order_id) AS orders, min(since) AS oldest_since,
    extract(epoch FROM now() - min(since))::bigint AS oldest_age_seconds
FROM waiting GROUP BY code ORDER BY count(*) DESC, code;
