-- Units of returns that are here and were not looked at, where they are: parcels of one return can
-- come to several warehouses.
CREATE TABLE return_places (
    return_id text NOT NULL REFERENCES returns,
    line_id   text NOT NULL REFERENCES order_lines,
    warehouse text NOT NULL REFERENCES warehouses,
    units     integer NOT NULL CHECK (units >= 0),
    PRIMARY KEY (return_id, line_id, warehouse)
);
INSERT INTO return_places (return_id, line_id, warehouse, units)
SELECT r.id, l.line_id, r.warehouse,
    l.received - l.restocked - l.refurbished - l.damaged - l.scrapped - l.rejected
FROM returns r JOIN return_lines l ON l.return_id = r.id
WHERE l.received > l.restocked + l.refurbished + l.damaged + l.scrapped + l.rejected;
