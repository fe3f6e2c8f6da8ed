-- Who may cancel an order in which phase of its life; and parcels that the carrier was asked to
-- bring back. docs/after-sales.md.
CREATE TABLE cancel_policies (
    phase   text NOT NULL CHECK (phase IN (
        'before_payment', 'before_picking', 'picking', 'packed', 'labeled', 'handed_over')),
    actor   text NOT NULL CHECK (actor IN ('customer', 'support')),
    allowed boolean NOT NULL,
    PRIMARY KEY (phase, actor)
);
INSERT INTO cancel_policies (phase, actor, allowed) VALUES
    ('before_payment', 'customer', true),
    ('before_picking', 'customer', true),
    ('picking', 'customer', true),
    ('packed', 'customer', false),
    ('labeled', 'customer', false),
    ('handed_over', 'customer', false),
    ('before_payment', 'support', true),
    ('before_picking', 'support', true),
    ('picking', 'support', true),
    ('packed', 'support', true),
    ('labeled', 'support', true),
    ('handed_over', 'support', true);

-- The carrier has promised to stop the parcel and bring it back, because the order is canceled.
ALTER TABLE parcel_endings ADD COLUMN intercepted_at timestamptz;

-- What 0027 asked of new rows is asked of all of them; reads and writes go on meanwhile.
ALTER TABLE shipment_lines VALIDATE CONSTRAINT written_off_was_packed;
