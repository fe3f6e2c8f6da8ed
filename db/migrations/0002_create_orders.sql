-- The order. `status` is written by its workflow alone; the other axes are rolled up from the parts.
CREATE SEQUENCE order_numbers START 100001;

CREATE TABLE orders (
    id                 text PRIMARY KEY,
    number             text NOT NULL UNIQUE,
    channel            text NOT NULL,
    channel_order_id   text NOT NULL,
    request_hash       bytea NOT NULL,
    customer_id        text,
    currency           char(3) NOT NULL,
    locale             text NOT NULL,
    status             text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending', 'confirmed', 'completed', 'canceled', 'expired')),
    payment_status     text NOT NULL DEFAULT 'pending' CHECK (payment_status IN (
        'pending', 'authorized', 'partially_paid', 'paid', 'partially_refunded', 'refunded',
        'voided', 'expired', 'failed')),
    fulfillment_status text NOT NULL DEFAULT 'unfulfilled' CHECK (fulfillment_status IN (
        'unfulfilled', 'in_progress', 'on_hold', 'partially_fulfilled', 'fulfilled',
        'partially_delivered', 'delivered')),
    return_status      text NOT NULL DEFAULT 'no_return' CHECK (return_status IN (
        'no_return', 'return_requested', 'in_progress', 'inspection_complete', 'returned',
        'return_failed')),
    out_of_stock       text NOT NULL CHECK (out_of_stock IN ('backorder', 'cancel', 'cancel_lines')),
    ship               text NOT NULL CHECK (ship IN ('complete', 'in_parts')),
    shipping_option    text NOT NULL,
    priority           integer NOT NULL DEFAULT 0,
    prices_include_tax boolean NOT NULL DEFAULT true,
    -- Minor units of `currency`; the lines' totals carry their share of the discounts.
    subtotal           bigint NOT NULL CHECK (subtotal >= 0),
    discount_total     bigint NOT NULL CHECK (discount_total >= 0),
    shipping_total     bigint NOT NULL CHECK (shipping_total >= 0),
    surcharge_total    bigint NOT NULL DEFAULT 0 CHECK (surcharge_total >= 0),
    tax_total          bigint NOT NULL CHECK (tax_total >= 0),
    grand_total        bigint NOT NULL CHECK (grand_total >= 0),
    discounts          jsonb NOT NULL DEFAULT '[]',
    surcharges         jsonb NOT NULL DEFAULT '[]',
    metadata           jsonb NOT NULL DEFAULT '{}',
    -- Opens the tracking page; personal data hangs on it, so it can be cleared.
    public_token       text UNIQUE,
    cancel_requested_at timestamptz,
    cancel_reason      text,
    placed_at          timestamptz NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    confirmed_at       timestamptz,
    delivered_at       timestamptz,
    closed_at          timestamptz,
    version            integer NOT NULL DEFAULT 1,
    CONSTRAINT once_per_channel UNIQUE (channel, channel_order_id)
) WITH (fillfactor = 70);
CREATE INDEX orders_newest ON orders (placed_at DESC, id DESC);
CREATE INDEX orders_by_status ON orders (status, placed_at DESC, id DESC);
CREATE INDEX orders_by_payment_status ON orders (payment_status, placed_at DESC, id DESC);
CREATE INDEX orders_by_fulfillment_status ON orders (fulfillment_status, placed_at DESC, id DESC);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC, id DESC)
    WHERE customer_id IS NOT NULL;

-- Personal data, apart, so that it can be erased while the order stays.
CREATE TABLE order_contacts (
    order_id         text PRIMARY KEY REFERENCES orders,
    name             text,
    email            text,
    phone            text,
    shipping_address jsonb,
    billing_address  jsonb,
    notes            text,
    erased_at        timestamptz
);
CREATE INDEX order_contacts_by_email ON order_contacts (lower(email)) WHERE email IS NOT NULL;

CREATE TABLE order_lines (
    id            text PRIMARY KEY,
    order_id      text NOT NULL REFERENCES orders,
    position      integer NOT NULL,
    sku           text NOT NULL,
    name          text NOT NULL,
    quantity      integer NOT NULL CHECK (quantity > 0),
    unit_price    bigint NOT NULL CHECK (unit_price >= 0),
    tax_rate_bp   integer NOT NULL DEFAULT 0 CHECK (tax_rate_bp BETWEEN 0 AND 100000),
    discount      bigint NOT NULL DEFAULT 0,
    tax           bigint NOT NULL DEFAULT 0,
    -- What the customer pays for the line: after discounts, tax included.
    total         bigint NOT NULL CHECK (total >= 0),
    open          integer NOT NULL CHECK (open >= 0),
    allocated     integer NOT NULL DEFAULT 0 CHECK (allocated >= 0),
    backordered   integer NOT NULL DEFAULT 0 CHECK (backordered >= 0),
    shipped       integer NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    canceled      integer NOT NULL DEFAULT 0 CHECK (canceled >= 0),
    returned      integer NOT NULL DEFAULT 0 CHECK (returned >= 0),
    refunded      integer NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    refunded_amount bigint NOT NULL DEFAULT 0 CHECK (refunded_amount >= 0),
    UNIQUE (order_id, position),
    CONSTRAINT every_unit_is_somewhere
        CHECK (quantity = open + allocated + backordered + shipped + canceled),
    CONSTRAINT returned_was_shipped CHECK (returned <= shipped),
    CONSTRAINT refunded_was_shipped_or_canceled CHECK (refunded <= shipped + canceled),
    CONSTRAINT refund_within_share CHECK (refunded_amount <= total)
) WITH (fillfactor = 70);

-- A line's claims on stock. Rows are never deleted: a claim ends by its status.
CREATE TABLE reservations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    line_id     text NOT NULL REFERENCES order_lines,
    sku         text NOT NULL,
    warehouse   text,
    quantity    integer NOT NULL CHECK (quantity > 0),
    status      text NOT NULL CHECK (status IN (
        'held', 'allocated', 'backordered', 'consumed', 'released', 'expired')),
    cause       text NOT NULL,
    priority    integer NOT NULL DEFAULT 0,
    queued_at   timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (status = 'backordered' OR warehouse IS NOT NULL OR status = 'released')
);
CREATE INDEX reservations_by_order ON reservations (order_id);
-- The queue of waiting orders: urgent first, then first come.
CREATE INDEX reservations_waiting ON reservations (sku, priority DESC, queued_at, order_id)
    WHERE status = 'backordered';
