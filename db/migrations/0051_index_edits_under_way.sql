-- no-transaction
-- Edits that nobody finished, for housekeeping.
DROP INDEX CONCURRENTLY IF EXISTS order_edits_under_way;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS order_edits_under_way ON order_edits (created_at)
    WHERE status = 'requested';
