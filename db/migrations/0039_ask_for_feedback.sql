-- Customers are asked once, some days after everything has arrived.
ALTER TABLE orders ADD COLUMN feedback_asked_at timestamptz;
