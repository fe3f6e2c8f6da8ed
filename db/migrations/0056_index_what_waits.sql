-- no-transaction
-- Since when goods are in quarantine: the movements that touch it are few among all of a level's.
DROP INDEX CONCURRENTLY IF EXISTS stock_movements_into_quarantine;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS stock_movements_into_quarantine
    ON stock_movements (sku, warehouse, id) WHERE quarantined > 0;
