-- Stock that a checkout keeps for its customer until the order is placed, or the time is over.
CREATE TABLE stock_holds (
    id          text PRIMARY KEY,
    reference   text,
    status      text NOT NULL DEFAULT 'held' CHECK (status IN (
        'held', 'allocated', 'released', 'expired')),
    -- Set when an order is placed with it; from then on it lives as long as the order needs it.
    order_id    text UNIQUE REFERENCES orders,
    actor       text NOT NULL,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    CONSTRAINT ended_or_held CHECK ((status = 'held') = (ended_at IS NULL))
);
CREATE INDEX stock_holds_running_out ON stock_holds (expires_at)
    WHERE status = 'held' AND order_id IS NULL;

CREATE TABLE stock_hold_lines (
    hold_id     text NOT NULL REFERENCES stock_holds,
    sku         text NOT NULL,
    warehouse   text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (hold_id, sku, warehouse),
    FOREIGN KEY (sku, warehouse) REFERENCES stock_levels
);
