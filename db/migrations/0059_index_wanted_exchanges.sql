-- no-transaction
-- Few returns are to be exchanged, and fewer are on their way; the list of what waits looks at them.
DROP INDEX CONCURRENTLY IF EXISTS returns_wanting_exchange;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS returns_wanting_exchange ON returns (id)
    WHERE wants = 'exchange' AND status IN ('approved', 'in_transit', 'partially_received', 'received');
