-- no-transaction
-- Few levels have goods in quarantine; reservations do not change which.
DROP INDEX CONCURRENTLY IF EXISTS stock_levels_quarantined;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS stock_levels_quarantined ON stock_levels (sku, warehouse)
    WHERE quarantined > 0;
