-- What the shop sells, where it lies, and how much of it there is.
CREATE TABLE items (
    sku         text PRIMARY KEY CHECK (sku <> ''),
    name        text NOT NULL,
    weight_g    integer NOT NULL DEFAULT 0 CHECK (weight_g >= 0),
    length_mm   integer NOT NULL DEFAULT 0 CHECK (length_mm >= 0),
    width_mm    integer NOT NULL DEFAULT 0 CHECK (width_mm >= 0),
    height_mm   integer NOT NULL DEFAULT 0 CHECK (height_mm >= 0),
    hs_code     text,
    origin      text,
    category    text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE warehouses (
    code        text PRIMARY KEY CHECK (code <> ''),
    name        text NOT NULL,
    country     text NOT NULL,
    city        text NOT NULL DEFAULT '',
    postal_code text NOT NULL DEFAULT '',
    line1       text NOT NULL DEFAULT '',
    kind        text NOT NULL CHECK (kind IN ('own', '3pl', 'dropship')),
    priority    integer NOT NULL DEFAULT 100,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Counters: what stock_movements sums to, kept beside it so that reservations are one UPDATE.
CREATE TABLE stock_levels (
    sku         text NOT NULL REFERENCES items,
    warehouse   text NOT NULL REFERENCES warehouses,
    on_hand     integer NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    allocated   integer NOT NULL DEFAULT 0 CHECK (allocated >= 0),
    held        integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    safety      integer NOT NULL DEFAULT 0 CHECK (safety >= 0),
    damaged     integer NOT NULL DEFAULT 0 CHECK (damaged >= 0),
    incoming    integer NOT NULL DEFAULT 0 CHECK (incoming >= 0),
    PRIMARY KEY (sku, warehouse),
    -- Safety stock is a promise to ourselves: it limits new reservations (in their UPDATE), but
    -- raising it must not fail because goods are already allocated.
    CONSTRAINT never_oversold CHECK (on_hand - allocated - held - damaged >= 0)
) WITH (fillfactor = 50);
CREATE INDEX stock_levels_by_warehouse ON stock_levels (warehouse, sku);

-- Append-only: the truth about stock. A mistake is corrected by another row.
CREATE TABLE stock_movements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL,
    warehouse   text NOT NULL,
    kind        text NOT NULL CHECK (kind IN (
        'receipt', 'allocate', 'release', 'ship', 'short', 'adjust', 'count', 'transfer_out',
        'transfer_in', 'hold', 'unhold', 'damage', 'return', 'safety')),
    on_hand     integer NOT NULL DEFAULT 0,
    allocated   integer NOT NULL DEFAULT 0,
    held        integer NOT NULL DEFAULT 0,
    safety      integer NOT NULL DEFAULT 0,
    damaged     integer NOT NULL DEFAULT 0,
    cause       text NOT NULL,
    order_id    text,
    line_id     text NOT NULL DEFAULT '',
    reason      text,
    actor       text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (sku, warehouse) REFERENCES stock_levels,
    CONSTRAINT each_movement_once UNIQUE (cause, line_id, kind, sku, warehouse)
);
CREATE INDEX stock_movements_by_level ON stock_movements (sku, warehouse, id DESC);
-- What of an order was reported missing is asked under the order's lock, and the ledger is long.
CREATE INDEX stock_movements_short ON stock_movements (order_id) WHERE kind = 'short';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it by a compensating row', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON stock_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
