-- Edits of orders until they are packed. `contact` is personal data, and is cleared with the end.
CREATE TABLE order_edits (
    id         text PRIMARY KEY,
    order_id   text NOT NULL REFERENCES orders,
    status     text NOT NULL DEFAULT 'requested' CHECK (status IN (
        'requested', 'applied', 'refused')),
    -- What was asked for, and what came of it: ids, amounts, items.
    changes    jsonb NOT NULL,
    result     jsonb,
    contact    jsonb,
    code       text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    CONSTRAINT ended_with_its_status CHECK ((status = 'requested') = (ended_at IS NULL)),
    CONSTRAINT no_address_of_an_ended_edit CHECK (status = 'requested' OR contact IS NULL)
);
CREATE INDEX order_edits_by_order ON order_edits (order_id);

-- The order's sums and delivery option before its first edit.
ALTER TABLE orders ADD COLUMN as_placed jsonb;
-- The edit that a line came with; none for a line of the order as it was placed.
ALTER TABLE order_lines ADD COLUMN added_by text;
ALTER TABLE order_lines ADD CONSTRAINT order_lines_added_by_fkey
    FOREIGN KEY (added_by) REFERENCES order_edits NOT VALID;
