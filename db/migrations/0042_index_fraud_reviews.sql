-- no-transaction
-- The queue of orders that are held because they may be fraud.
DROP INDEX CONCURRENTLY IF EXISTS holds_in_review;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS holds_in_review ON holds (created_at, id)
    WHERE reason = 'high_risk_of_fraud' AND released_at IS NULL;
