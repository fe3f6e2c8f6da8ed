-- no-transaction
-- What was picked at a warehouse since a day, for ABC classes.
DROP INDEX CONCURRENTLY IF EXISTS fulfillment_orders_by_day;
-- The runner keeps a file without a transaction out of one.
-- squawk-ignore ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS fulfillment_orders_by_day
    ON fulfillment_orders (warehouse, created_at);
