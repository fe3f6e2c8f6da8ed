-- Looks at the rows that were there before 0060.
ALTER TABLE refunds VALIDATE CONSTRAINT refund_adds_up;
ALTER TABLE return_lines VALIDATE CONSTRAINT paid_before_is_no_debt;
