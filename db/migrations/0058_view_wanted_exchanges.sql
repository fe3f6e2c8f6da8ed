-- What waits for a person, as before, and returns whose exchange was asked for and never opened.
CREATE OR REPLACE VIEW waiting AS
SELECT CASE left(a.subject, 4) WHEN 'shp_' THEN 'parcel' WHEN 'ret_' THEN 'return'
        WHEN 'rfd_' THEN 'refund' ELSE 'order' END AS kind,
    CASE WHEN left(a.subject, 4) IN ('shp_', 'ret_', 'rfd_') THEN split_part(a.subject, '/', 1)
        ELSE a.order_id END AS id,
    a.code, a.subject, a.detail, a.can, a.since, a.order_id, NULL AS warehouse, NULL AS number
FROM attention a
UNION ALL
SELECT 'order', h.order_id, 'fraud_review', h.id, 'Held because it may be fraud.',
    NULL, h.created_at, h.order_id, NULL, NULL
FROM holds h JOIN orders o ON o.id = h.order_id
WHERE h.reason = 'high_risk_of_fraud' AND h.released_at IS NULL
    AND o.status IN ('pending', 'confirmed')
UNION ALL
SELECT 'claim', c.id, 'claim_open', c.shipment_id,
    format('The carrier owes %s %s: %s.', c.amount, c.currency, c.reason),
    NULL, c.opened_at, c.order_id, NULL, NULL
FROM claims c WHERE c.status = 'open'
UNION ALL
SELECT 'purchase_order', a.purchase_order_id, a.code, '', a.detail, NULL, a.since, NULL,
    p.warehouse, p.number
FROM purchase_attention a JOIN purchase_orders p ON p.id = a.purchase_order_id
UNION ALL
SELECT 'cycle_count', l.cycle_count_id, 'count_differs', '',
    format('%s places differ from the books by more than is tolerated.', count(*)),
    NULL, min(l.counted_at), NULL, min(l.warehouse), NULL
FROM cycle_count_lines l WHERE l.status = 'waiting' GROUP BY l.cycle_count_id
UNION ALL
-- The last check of the stock; it differs since the first check after the last clean one.
SELECT 'reconciliation', r.id, 'stock_differs', '',
    format('%s numbers do not agree with the ledger.', r.differences),
    NULL, (SELECT min(b.started_at) FROM stock_reconciliations b
        WHERE b.differences > 0 AND b.started_at > coalesce((SELECT max(g.started_at)
            FROM stock_reconciliations g WHERE g.differences = 0), '-infinity')), NULL, NULL, NULL
FROM (SELECT id, differences FROM stock_reconciliations
    ORDER BY started_at DESC, id DESC LIMIT 1) r WHERE r.differences > 0
UNION ALL
-- Expired units that could not leave the sale by themselves: orders were promised as many.
SELECT 'lot', p.sku, 'expired_goods_promised', p.warehouse || '/' || p.lot,
    format('%s units are in bins, good until %s, and promised to orders.',
        sum(p.quantity), t.expires_on),
    NULL, (t.expires_on + 1)::timestamp AT TIME ZONE 'UTC', NULL, p.warehouse, NULL
FROM lots t
JOIN stock_places p ON p.sku = t.sku AND p.lot = t.lot AND p.quantity > 0
JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin AND b.kind <> 'quarantine'
JOIN stock_levels l ON l.sku = p.sku AND l.warehouse = p.warehouse
WHERE t.expires_on < (now() AT TIME ZONE 'UTC')::date
    AND l.on_hand - l.allocated - l.held - l.damaged <= 0
GROUP BY p.sku, p.warehouse, p.lot, t.expires_on
UNION ALL
-- Goods in quarantine wait for a decision; those of a return for its inspection, which is the
-- bench's daily work.
SELECT 'quarantine', l.sku, 'quarantined', l.warehouse,
    format('%s units are set aside.', l.quantity),
    NULL, coalesce(l.since, 'epoch'), NULL, l.warehouse, NULL
FROM (
    SELECT s.sku, s.warehouse, s.quarantined - coalesce((
            SELECT sum(g.received - g.restocked - g.refurbished - g.damaged - g.scrapped
                - g.rejected)
            FROM return_lines g JOIN returns r ON r.id = g.return_id
            WHERE g.sku = s.sku AND r.warehouse = s.warehouse
                AND r.status IN ('partially_received', 'received')), 0) AS quantity,
        (SELECT m.occurred_at FROM stock_movements m
            WHERE m.sku = s.sku AND m.warehouse = s.warehouse AND m.quarantined > 0
            ORDER BY m.id DESC LIMIT 1) AS since
    FROM stock_levels s WHERE s.quarantined > 0
) l WHERE l.quantity > 0
UNION ALL
-- A bulk action of which no order has ended for a quarter of an hour.
SELECT 'bulk_action', a.id, 'bulk_stuck', '', format('No order of %s has ended since.', a.total),
    NULL, a.moved_at, NULL, NULL, NULL
FROM (
    SELECT b.id, b.total, greatest(b.created_at, (SELECT max(i.ended_at) FROM bulk_items i
        WHERE i.bulk_id = b.id)) AS moved_at
    FROM bulk_actions b WHERE b.status IN ('running', 'stopping')
) a WHERE a.moved_at < now() - interval '15 minutes'
UNION ALL
-- A customer was promised something in place of what comes back, and nothing was opened: it could
-- not be, or whoever approved it went away in between. The money goes back if nobody acts.
SELECT 'return', r.id, 'exchange_wanted', '', 'The customer asked for an exchange; none is opened.',
    NULL, coalesce(r.decided_at, r.requested_at), r.order_id, NULL, NULL
FROM returns r
WHERE r.wants = 'exchange' AND r.status IN ('approved', 'in_transit', 'partially_received', 'received')
    AND NOT EXISTS (SELECT FROM exchanges e WHERE e.order_id = r.order_id AND e.return_id = r.id);
