-- The ledger tells of every counter, in an order that a reader can follow; a line may have a policy
-- of its own for want of stock; a warehouse can be closed. The constraints hold for what is written
-- from now on; 0015 looks at the rows that are there.
ALTER TABLE stock_levels
    -- The part of `damaged` (what cannot be sold) that waits for somebody's decision.
    ADD COLUMN quarantined integer NOT NULL DEFAULT 0,
    -- Units whose place is known; the others are on the way between two places.
    ADD COLUMN placed integer NOT NULL DEFAULT 0;
ALTER TABLE stock_levels
    ADD CONSTRAINT quarantined_within_damaged CHECK (quarantined BETWEEN 0 AND damaged) NOT VALID;
ALTER TABLE stock_levels
    ADD CONSTRAINT placed_within_on_hand CHECK (placed BETWEEN 0 AND on_hand) NOT VALID;

ALTER TABLE stock_movements
    ADD COLUMN quarantined integer NOT NULL DEFAULT 0,
    ADD COLUMN incoming integer NOT NULL DEFAULT 0,
    -- The transaction that wrote the row: ids are given before, and seen after, the commit of
    -- others, so only this tells a reader what cannot come any more. Older rows have none.
    ADD COLUMN xact xid8;
ALTER TABLE stock_movements ALTER COLUMN xact SET DEFAULT pg_current_xact_id();
-- The next statement sets up a wider one.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stock_movements DROP CONSTRAINT stock_movements_kind_check;
ALTER TABLE stock_movements ADD CONSTRAINT stock_movements_kind_check CHECK (kind IN (
    'receipt', 'allocate', 'release', 'ship', 'short', 'adjust', 'count', 'transfer_out',
    'transfer_in', 'hold', 'unhold', 'damage', 'quarantine', 'scrap', 'expire', 'return', 'safety',
    'expected')) NOT VALID;

ALTER TABLE order_lines ADD COLUMN out_of_stock text;
ALTER TABLE order_lines ADD CONSTRAINT order_lines_out_of_stock_check
    CHECK (out_of_stock IN ('backorder', 'cancel_lines', 'substitute')) NOT VALID;

ALTER TABLE warehouses ADD COLUMN closed_at timestamptz;
