-- Work at one location.
CREATE TABLE fulfillment_orders (
    id          text PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    warehouse   text NOT NULL REFERENCES warehouses,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN (
        'open', 'scheduled', 'in_progress', 'on_hold', 'incomplete', 'closed', 'cancelled')),
    -- Where a hold found it, and where a release puts it back.
    held_status text,
    cause       text NOT NULL,
    due_at      timestamptz,
    overdue_flagged boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (order_id, warehouse, cause)
);
CREATE INDEX fulfillment_orders_work ON fulfillment_orders (warehouse, status, created_at DESC, id DESC);
CREATE INDEX fulfillment_orders_due ON fulfillment_orders (due_at)
    WHERE status IN ('open', 'in_progress') AND NOT overdue_flagged;

CREATE TABLE fulfillment_order_lines (
    fulfillment_order_id text NOT NULL REFERENCES fulfillment_orders,
    line_id   text NOT NULL REFERENCES order_lines,
    sku       text NOT NULL,
    quantity  integer NOT NULL CHECK (quantity > 0),
    picked    integer NOT NULL DEFAULT 0 CHECK (picked >= 0),
    short     integer NOT NULL DEFAULT 0 CHECK (short >= 0),
    packed    integer NOT NULL DEFAULT 0 CHECK (packed >= 0),
    shipped   integer NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    canceled  integer NOT NULL DEFAULT 0 CHECK (canceled >= 0),
    PRIMARY KEY (fulfillment_order_id, line_id),
    CONSTRAINT picked_was_asked CHECK (picked + short + canceled <= quantity),
    CONSTRAINT packed_was_picked CHECK (packed <= picked),
    CONSTRAINT shipped_was_packed CHECK (shipped <= packed)
);

CREATE TABLE shipments (
    id                   text PRIMARY KEY,
    order_id             text NOT NULL REFERENCES orders,
    fulfillment_order_id text NOT NULL REFERENCES fulfillment_orders,
    status               text NOT NULL DEFAULT 'packed' CHECK (status IN (
        'pending', 'packed', 'label_purchased', 'shipped', 'delivered', 'canceled')),
    tracking_status      text NOT NULL DEFAULT 'unknown',
    tracking_at          timestamptz,
    provider             text,
    carrier              text,
    service              text,
    provider_ref         text,
    tracking_number      text,
    tracking_url         text,
    label_url            text,
    label_cost           bigint,
    label_currency       char(3),
    weight_g             integer NOT NULL CHECK (weight_g > 0),
    length_mm            integer NOT NULL CHECK (length_mm > 0),
    width_mm             integer NOT NULL CHECK (width_mm > 0),
    height_mm            integer NOT NULL CHECK (height_mm > 0),
    -- Personal data (who signed), so it can be erased.
    proof                jsonb,
    estimated_at         timestamptz,
    due_at               timestamptz,
    overdue_flagged      boolean NOT NULL DEFAULT false,
    packed_at            timestamptz NOT NULL DEFAULT now(),
    shipped_at           timestamptz,
    delivered_at         timestamptz,
    updated_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX shipments_by_order ON shipments (order_id);
CREATE UNIQUE INDEX shipments_by_tracking ON shipments (provider, tracking_number)
    WHERE tracking_number IS NOT NULL;
CREATE INDEX shipments_due ON shipments (due_at)
    WHERE status = 'shipped' AND NOT overdue_flagged;

CREATE TABLE shipment_lines (
    shipment_id text NOT NULL REFERENCES shipments,
    line_id     text NOT NULL REFERENCES order_lines,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (shipment_id, line_id)
);

-- Every scan as the carrier told it, each once.
CREATE TABLE tracking_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shipment_id text NOT NULL REFERENCES shipments,
    event_id    text NOT NULL,
    status      text NOT NULL,
    detail      text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (shipment_id, event_id)
);
