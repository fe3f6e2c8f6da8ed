-- no-transaction
-- Who was passed over is asked for with every batch of reservations.
DROP INDEX CONCURRENTLY IF EXISTS reservations_passed_over;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS reservations_passed_over ON reservations (sku)
    WHERE passed_over AND status = 'backordered';
