-- Looks at the rows that were there before 0033.
ALTER TABLE order_lines VALIDATE CONSTRAINT given_back_was_shipped;
ALTER TABLE orders VALIDATE CONSTRAINT credited_is_not_negative;
ALTER TABLE payments VALIDATE CONSTRAINT refunding_within_captured;
