-- Returns: the rules for them as rows, and what is asked for, on its way, here, looked at and paid
-- back. docs/after-sales.md.
CREATE TABLE return_policies (
    -- Its place in the list: the first rule that fits a line counts.
    position        integer PRIMARY KEY CHECK (position >= 0),
    -- Empty is any.
    country         text NOT NULL DEFAULT '',
    category        text NOT NULL DEFAULT '',
    reason          text NOT NULL DEFAULT '' CHECK (reason IN (
        '', 'unwanted', 'does_not_fit', 'wrong_item', 'damaged', 'not_as_described',
        'arrived_late', 'other')),
    -- Since the last delivery of the order; without it the shop's window.
    window_seconds  bigint CHECK (window_seconds BETWEEN 0 AND 315360000),
    decides         text NOT NULL CHECK (decides IN ('approve', 'ask_person', 'decline')),
    label           text NOT NULL CHECK (label IN ('carrier', 'drop_off')),
    shipping_paid_by text NOT NULL CHECK (shipping_paid_by IN ('shop', 'customer')),
    -- Kept back from the money of a return, in minor units of `currency`.
    fee             bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    currency        text NOT NULL DEFAULT '',
    refund_to       text NOT NULL CHECK (refund_to IN ('original', 'store_credit')),
    expires_seconds bigint NOT NULL CHECK (expires_seconds BETWEEN 1 AND 31536000),
    CONSTRAINT a_fee_has_a_currency CHECK ((fee = 0) = (currency = ''))
);
INSERT INTO return_policies
    (position, reason, decides, label, shipping_paid_by, refund_to, expires_seconds) VALUES
    (0, '', 'approve', 'carrier', 'shop', 'original', 1209600);

CREATE SEQUENCE return_numbers START 10001;

CREATE TABLE returns (
    id               text PRIMARY KEY,
    order_id         text NOT NULL REFERENCES orders,
    -- The code on the parcel (RMA).
    number           text NOT NULL UNIQUE,
    status           text NOT NULL CHECK (status IN (
        'requested', 'approved', 'declined', 'in_transit', 'partially_received', 'received',
        'inspected', 'closed', 'canceled', 'expired')),
    -- False: the goods stood at the dock, and nobody had asked.
    announced        boolean NOT NULL DEFAULT true,
    -- What the rules said when it was asked for, and why.
    decides          text NOT NULL CHECK (decides IN ('approve', 'ask_person', 'decline')),
    label            text NOT NULL CHECK (label IN ('carrier', 'drop_off')),
    shipping_paid_by text NOT NULL CHECK (shipping_paid_by IN ('shop', 'customer')),
    fee              bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    refund_to        text NOT NULL CHECK (refund_to IN ('original', 'store_credit')),
    expires_seconds  bigint NOT NULL CHECK (expires_seconds > 0),
    why              jsonb NOT NULL DEFAULT '{}',
    reason_code      text,
    -- Where it goes, and how.
    warehouse        text NOT NULL REFERENCES warehouses,
    provider         text,
    carrier          text,
    service          text,
    provider_ref     text,
    tracking_number  text,
    tracking_url     text,
    label_url        text,
    label_cost       bigint CHECK (label_cost >= 0),
    label_currency   char(3),
    tracking_status  text NOT NULL DEFAULT 'unknown',
    tracking_at      timestamptz,
    requested_by     text NOT NULL,
    requested_at     timestamptz NOT NULL DEFAULT now(),
    decided_at       timestamptz,
    remind_at        timestamptz,
    reminded_at      timestamptz,
    expires_at       timestamptz,
    received_at      timestamptz,
    inspected_at     timestamptz,
    -- By law the money is due by then, once the goods are back.
    refund_due_at    timestamptz NOT NULL,
    -- What was accepted, without fees; and the refund that carries it.
    refund_amount    bigint CHECK (refund_amount >= 0),
    refund_id        text,
    closed_at        timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    receipts         integer NOT NULL DEFAULT 0 CHECK (receipts >= 0),
    inspections      integer NOT NULL DEFAULT 0 CHECK (inspections >= 0)
);
CREATE INDEX returns_by_order ON returns (order_id, id);
CREATE INDEX returns_newest ON returns (status, id DESC);
CREATE UNIQUE INDEX returns_by_tracking ON returns (provider, tracking_number)
    WHERE tracking_number IS NOT NULL;

CREATE TABLE return_lines (
    return_id   text NOT NULL REFERENCES returns,
    line_id     text NOT NULL REFERENCES order_lines,
    sku         text NOT NULL,
    -- Announced units; none for what came without a word.
    quantity    integer NOT NULL CHECK (quantity >= 0),
    reason      text NOT NULL CHECK (reason IN (
        'unwanted', 'does_not_fit', 'wrong_item', 'damaged', 'not_as_described',
        'arrived_late', 'other')),
    -- The customer's words and pictures: personal data.
    note        text,
    photos      text[] NOT NULL DEFAULT '{}',
    received    integer NOT NULL DEFAULT 0 CHECK (received >= 0),
    restocked   integer NOT NULL DEFAULT 0 CHECK (restocked >= 0),
    refurbished integer NOT NULL DEFAULT 0 CHECK (refurbished >= 0),
    damaged     integer NOT NULL DEFAULT 0 CHECK (damaged >= 0),
    scrapped    integer NOT NULL DEFAULT 0 CHECK (scrapped >= 0),
    rejected    integer NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    PRIMARY KEY (return_id, line_id),
    CONSTRAINT inspected_was_received
        CHECK (restocked + refurbished + damaged + scrapped + rejected <= received)
);
CREATE INDEX return_lines_by_line ON return_lines (line_id);
