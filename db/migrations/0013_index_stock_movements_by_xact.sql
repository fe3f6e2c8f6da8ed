-- no-transaction
-- How the change feed and the incremental check read the ledger; it may be long, so without a lock.
DROP INDEX CONCURRENTLY IF EXISTS stock_movements_by_xact;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS stock_movements_by_xact
    ON stock_movements (xact, id) WHERE xact IS NOT NULL;
