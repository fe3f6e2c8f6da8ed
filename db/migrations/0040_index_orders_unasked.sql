-- no-transaction
-- Whoever is still to be asked is looked for again and again.
DROP INDEX CONCURRENTLY IF EXISTS orders_unasked;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_unasked ON orders (delivered_at)
    WHERE delivered_at IS NOT NULL AND feedback_asked_at IS NULL;
