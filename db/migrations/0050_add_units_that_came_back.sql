-- How many units of a parcel a warehouse received back; NULL: it is not back, or it was received
-- before this was kept, and then all of it counts as back. docs/after-sales.md.
ALTER TABLE shipment_lines ADD COLUMN came_back integer;
ALTER TABLE shipment_lines ADD CONSTRAINT what_came_back_was_packed
    CHECK (came_back BETWEEN 0 AND quantity) NOT VALID;
