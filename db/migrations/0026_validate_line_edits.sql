-- Looks at the rows that were there before 0025.
ALTER TABLE order_lines VALIDATE CONSTRAINT order_lines_added_by_fkey;
