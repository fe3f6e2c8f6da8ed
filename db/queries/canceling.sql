-- name: read_cancel_rules
-- In which phase who may cancel, and for how much; in the order of the phases.
SELECT phase, actor, allowed, fee, currency FROM cancel_policies
ORDER BY array_position(
    '{before_payment,before_picking,picking,packed,labeled,handed_over}'::text[], phase), actor;

-- name: lock_cancel_rules
-- Changes come one after the other; readers go on.
LOCK TABLE cancel_policies IN SHARE ROW EXCLUSIVE MODE;

-- name: put_cancel_rule
UPDATE cancel_policies SET allowed = $3, fee = $4, currency = $5
WHERE phase = $1 AND actor = $2;

-- name: allowed_phases
-- The phases in which this actor may cancel.
SELECT phase FROM cancel_policies WHERE actor = $1 AND allowed ORDER BY phase;

-- name: fees
-- What it costs this actor in an order's currency, by phase.
SELECT phase, fee FROM cancel_policies p JOIN orders o ON o.currency = p.currency
WHERE p.actor = $1 AND o.id = $2 AND p.allowed ORDER BY phase;
