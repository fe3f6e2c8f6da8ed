-- What happens when goods are not there: substitutes and their offers, the dates that customers
-- were told, and warehouses that are closed. 0016 looks at the rows that are there already.

-- The next statement sets up a wider one.
-- squawk-ignore ban-drop-constraint
ALTER TABLE orders DROP CONSTRAINT orders_out_of_stock_check;
ALTER TABLE orders ADD CONSTRAINT orders_out_of_stock_check
    CHECK (out_of_stock IN ('backorder', 'cancel', 'cancel_lines', 'substitute')) NOT VALID;

ALTER TABLE order_lines
    -- What the customer ordered, where something else comes in its place.
    ADD COLUMN ordered_sku text,
    ADD COLUMN ordered_name text,
    -- The line of the order as it was placed that these units were cut off from.
    ADD COLUMN split_from text;
ALTER TABLE order_lines ADD CONSTRAINT order_lines_split_from_fkey
    FOREIGN KEY (split_from) REFERENCES order_lines NOT VALID;
ALTER TABLE order_lines ADD CONSTRAINT what_was_ordered_has_a_name
    CHECK ((ordered_sku IS NULL) = (ordered_name IS NULL)) NOT VALID;

-- What may be offered in place of an item, the best first.
CREATE TABLE item_substitutes (
    sku        text NOT NULL REFERENCES items,
    position   integer NOT NULL CHECK (position >= 0),
    substitute text NOT NULL REFERENCES items,
    -- What the customer is told of the difference.
    note       text,
    PRIMARY KEY (sku, substitute),
    UNIQUE (sku, position),
    CONSTRAINT something_else CHECK (substitute <> sku)
);
-- Goods that come in may serve those who wait for what they can replace.
CREATE INDEX item_substitutes_by_substitute ON item_substitutes (substitute);

-- A question to the customer. The units are held until it is answered.
CREATE TABLE substitution_offers (
    id          text PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    line_id     text NOT NULL REFERENCES order_lines,
    ordered_sku text NOT NULL,
    sku         text NOT NULL REFERENCES items,
    quantity    integer NOT NULL CHECK (quantity > 0),
    note        text,
    status      text NOT NULL DEFAULT 'offered' CHECK (status IN (
        'offered', 'accepted', 'refused', 'expired', 'withdrawn')),
    expires_at  timestamptz NOT NULL,
    expiry_flagged boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    CHECK ((status = 'offered') = (ended_at IS NULL))
);
CREATE INDEX substitution_offers_by_order ON substitution_offers (order_id);
CREATE UNIQUE INDEX one_open_offer_per_line ON substitution_offers (line_id)
    WHERE status = 'offered';
CREATE INDEX substitution_offers_due ON substitution_offers (expires_at)
    WHERE status = 'offered' AND NOT expiry_flagged;

-- When the customer was told that a line's units are expected; NULL: that no day is known.
CREATE TABLE told_dates (
    line_id  text PRIMARY KEY REFERENCES order_lines,
    told_on  date,
    told_at  timestamptz NOT NULL DEFAULT now()
);

-- Each time that a warehouse was closed, by whom and why; `warehouses.closed_at` is the state.
CREATE TABLE warehouse_closings (
    id          text PRIMARY KEY,
    warehouse   text NOT NULL REFERENCES warehouses,
    reason      text NOT NULL,
    actor       text NOT NULL,
    closed_at   timestamptz NOT NULL DEFAULT now(),
    reopened_at timestamptz,
    reopened_by text
);
CREATE UNIQUE INDEX one_open_closing_per_warehouse ON warehouse_closings (warehouse)
    WHERE reopened_at IS NULL;

-- Orders that were told of a closing, each once.
CREATE TABLE warehouse_recalls (
    closing_id text NOT NULL REFERENCES warehouse_closings,
    order_id   text NOT NULL REFERENCES orders,
    told_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (closing_id, order_id)
);
