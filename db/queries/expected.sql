-- name: places_in_queue
-- For each line that waits: how many units of its item must come until it has all of them.
SELECT r.order_id, r.line_id, r.sku, current_date AS today, max(r.quantity + (
    SELECT coalesce(sum(a.quantity), 0) FROM reservations a
    WHERE a.status = 'backordered' AND a.sku = r.sku AND (a.priority > r.priority
        OR (a.priority = r.priority AND (a.queued_at, a.order_id, a.id)
            < (r.queued_at, r.order_id, r.id)))
    ))::int AS until
FROM reservations r
WHERE r.order_id = ANY($1::text[]) AND r.status = 'backordered'
GROUP BY r.order_id, r.line_id, r.sku;

-- name: whole_queue
-- The same for everybody who waits, with what the customer was told last.
SELECT q.order_id, q.line_id, q.sku, current_date AS today, q.until, t.line_id IS NOT NULL AS told,
    t.told_on
FROM (
    SELECT order_id, line_id, sku, max(until)::int AS until
    FROM (
        SELECT order_id, line_id, sku, sum(quantity) OVER (
            PARTITION BY sku ORDER BY priority DESC, queued_at, order_id, id) AS until
        FROM reservations WHERE status = 'backordered'
    ) each_claim
    GROUP BY order_id, line_id, sku
) q
LEFT JOIN told_dates t ON t.line_id = q.line_id;

-- name: tell_dates
-- What the customer is told now.
INSERT INTO told_dates (line_id, told_on)
SELECT line_id, told_on FROM unnest($1::text[], $2::date[]) AS d (line_id, told_on)
ON CONFLICT (line_id) DO UPDATE SET told_on = excluded.told_on, told_at = now();

-- name: told_first
-- The day that the first mail names; who was told of one already is left as he is.
INSERT INTO told_dates (line_id, told_on)
SELECT line_id, told_on FROM unnest($1::text[], $2::date[]) AS d (line_id, told_on)
ON CONFLICT (line_id) DO NOTHING;

-- name: one_at_a_time
-- Whether nobody else looks through the queue at the moment.
SELECT pg_try_advisory_xact_lock(hashtext('kervan expected dates'));
