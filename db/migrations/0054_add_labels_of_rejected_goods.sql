-- The label by which rejected goods of a return go back to the customer: carrier, numbers, cost.
-- docs/after-sales.md.
ALTER TABLE returns ADD COLUMN back_label jsonb;
