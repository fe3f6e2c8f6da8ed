-- no-transaction
-- Holds whose time is over are looked for again and again.
DROP INDEX CONCURRENTLY IF EXISTS holds_ending;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS holds_ending ON holds (ends_at)
    WHERE ends_at IS NOT NULL AND released_at IS NULL AND NOT end_flagged;
