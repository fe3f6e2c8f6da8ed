-- Whom the shop buys from, what it has ordered there, and what it reckons it will sell.
CREATE SEQUENCE purchase_numbers START 1001;

CREATE TABLE suppliers (
    code               text PRIMARY KEY CHECK (code <> ''),
    name               text NOT NULL,
    -- The order desk of a company. Without it, orders go out by hand.
    email              text,
    locale             text NOT NULL DEFAULT 'en',
    currency           char(3) NOT NULL,
    lead_time_days     integer NOT NULL CHECK (lead_time_days BETWEEN 0 AND 1000),
    -- More than was ordered is taken up to this share (basis points); NULL: the shop's setting.
    over_delivery_bp   integer CHECK (over_delivery_bp BETWEEN 0 AND 100000),
    active             boolean NOT NULL DEFAULT true,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);

-- On which terms a supplier sells an item; the units of `pack_size` and `moq` are ours.
CREATE TABLE item_suppliers (
    sku            text NOT NULL REFERENCES items,
    supplier       text NOT NULL REFERENCES suppliers,
    supplier_sku   text,
    -- NULL: as the supplier's.
    lead_time_days integer CHECK (lead_time_days BETWEEN 0 AND 1000),
    unit_cost      bigint NOT NULL CHECK (unit_cost >= 0),
    currency       char(3) NOT NULL,
    moq            integer NOT NULL DEFAULT 1 CHECK (moq BETWEEN 1 AND 1000000),
    pack_size      integer NOT NULL DEFAULT 1 CHECK (pack_size BETWEEN 1 AND 1000000),
    preferred      boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sku, supplier)
);
CREATE UNIQUE INDEX item_suppliers_preferred ON item_suppliers (sku) WHERE preferred;
CREATE INDEX item_suppliers_by_supplier ON item_suppliers (supplier, sku);

-- An order to a supplier. `status` is written by its workflow alone; deliveries are facts of the
-- warehouse and stand in the lines.
CREATE TABLE purchase_orders (
    id           text PRIMARY KEY,
    number       text NOT NULL UNIQUE,
    supplier     text NOT NULL REFERENCES suppliers,
    warehouse    text NOT NULL REFERENCES warehouses,
    status       text NOT NULL DEFAULT 'draft' CHECK (status IN (
        'draft', 'approved', 'sent', 'partly_received', 'closed', 'canceled')),
    currency     char(3) NOT NULL,
    -- When the goods are to be there; each line has its own date besides.
    expected_on  date NOT NULL,
    note         text,
    created_by   text NOT NULL,
    approved_by  text,
    -- How often it was given to the mail, and what became of the last time.
    sendings     integer NOT NULL DEFAULT 0 CHECK (sendings >= 0),
    mail_status  text CHECK (mail_status IN ('pending', 'sent', 'failed', 'by_hand')),
    -- Reminders of the supplier since the last change of a date.
    reminders    integer NOT NULL DEFAULT 0 CHECK (reminders >= 0),
    late_since   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    approved_at  timestamptz,
    sent_at      timestamptz,
    closed_at    timestamptz,
    version      integer NOT NULL DEFAULT 1
);
CREATE INDEX purchase_orders_newest ON purchase_orders (created_at DESC, id DESC);
CREATE INDEX purchase_orders_by_status ON purchase_orders (status, created_at DESC, id DESC);
CREATE INDEX purchase_orders_by_supplier ON purchase_orders (supplier, created_at DESC, id DESC);
CREATE INDEX purchase_orders_late ON purchase_orders (created_at DESC, id DESC)
    WHERE late_since IS NOT NULL;

CREATE TABLE purchase_lines (
    id                text PRIMARY KEY,
    purchase_order_id text NOT NULL REFERENCES purchase_orders,
    position          integer NOT NULL,
    sku               text NOT NULL REFERENCES items,
    supplier_sku      text,
    quantity          integer NOT NULL CHECK (quantity > 0),
    -- All units that came, damaged ones among them; more than `quantity` is an over-delivery.
    received          integer NOT NULL DEFAULT 0 CHECK (received >= 0),
    damaged           integer NOT NULL DEFAULT 0 CHECK (damaged >= 0),
    -- Units that will not come.
    canceled          integer NOT NULL DEFAULT 0 CHECK (canceled >= 0),
    -- Units that stand in stock_levels.incoming on behalf of this line.
    incoming          integer NOT NULL DEFAULT 0 CHECK (incoming >= 0),
    unit_cost         bigint NOT NULL CHECK (unit_cost >= 0),
    expected_on       date NOT NULL,
    UNIQUE (purchase_order_id, position),
    UNIQUE (purchase_order_id, sku),
    CONSTRAINT damaged_was_received CHECK (damaged <= received),
    CONSTRAINT canceled_was_open CHECK (canceled = 0 OR received + canceled <= quantity),
    CONSTRAINT incoming_is_open CHECK (incoming <= greatest(quantity - received - canceled, 0))
);
-- What is on its way, by item: who waits asks for it.
CREATE INDEX purchase_lines_open ON purchase_lines (sku, expected_on)
    WHERE received + canceled < quantity;

-- Deliveries, each with the ledger's cause.
CREATE TABLE purchase_receipts (
    id                text PRIMARY KEY,
    purchase_order_id text NOT NULL REFERENCES purchase_orders,
    reference         text NOT NULL,
    cause             text NOT NULL UNIQUE,
    actor             text NOT NULL,
    occurred_at       timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX purchase_receipts_by_order ON purchase_receipts (purchase_order_id, id);

CREATE TABLE purchase_receipt_lines (
    receipt_id text NOT NULL REFERENCES purchase_receipts,
    line_id    text NOT NULL REFERENCES purchase_lines,
    accepted   integer NOT NULL CHECK (accepted >= 0),
    damaged    integer NOT NULL CHECK (damaged >= 0),
    -- Units beyond what was ordered.
    over       integer NOT NULL DEFAULT 0 CHECK (over >= 0),
    PRIMARY KEY (receipt_id, line_id),
    CHECK (accepted + damaged > 0),
    CHECK (over <= accepted + damaged)
);

-- The timeline of a purchase order. A step of its workflow carries its cause, and so happens once.
CREATE TABLE purchase_events (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purchase_order_id text NOT NULL REFERENCES purchase_orders,
    type              text NOT NULL,
    cause             text,
    actor             text NOT NULL,
    role              text NOT NULL,
    data              jsonb NOT NULL DEFAULT '{}',
    note              text,
    occurred_at       timestamptz NOT NULL DEFAULT now(),
    recorded_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX purchase_events_by_order ON purchase_events (purchase_order_id, id);
CREATE UNIQUE INDEX purchase_events_once ON purchase_events (purchase_order_id, cause)
    WHERE cause IS NOT NULL;
CREATE TRIGGER no_delete BEFORE DELETE ON purchase_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Why a purchase order waits for a person; mirrored in KervanAttention for the Temporal UI.
CREATE TABLE purchase_attention (
    purchase_order_id text NOT NULL REFERENCES purchase_orders,
    code              text NOT NULL,
    detail            text NOT NULL,
    since             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (purchase_order_id, code)
);
CREATE INDEX purchase_attention_by_code ON purchase_attention (code, since);

-- Units asked for, by the day they were ordered: summed up anew from the orders every night.
CREATE TABLE daily_demand (
    sku       text NOT NULL,
    warehouse text NOT NULL REFERENCES warehouses,
    day       date NOT NULL,
    units     integer NOT NULL CHECK (units > 0),
    PRIMARY KEY (sku, warehouse, day)
);
CREATE INDEX daily_demand_by_day ON daily_demand (day);

-- What an item is reckoned to sell at a warehouse, a day. All numbers of the suggestion but the
-- stock itself come from here, from the supplier's terms, and from the settings.
CREATE TABLE forecasts (
    sku           text NOT NULL REFERENCES items,
    warehouse     text NOT NULL REFERENCES warehouses,
    demand_class  text NOT NULL CHECK (demand_class IN (
        'none', 'smooth', 'erratic', 'intermittent', 'lumpy')),
    method        text NOT NULL CHECK (method IN ('none', 'moving_average', 'croston', 'sba', 'tsb')),
    mean_daily    double precision NOT NULL CHECK (mean_daily >= 0),
    sigma_daily   double precision NOT NULL CHECK (sigma_daily >= 0),
    first_day     date NOT NULL,
    last_day      date NOT NULL CHECK (last_day >= first_day),
    days_with_demand integer NOT NULL CHECK (days_with_demand >= 0),
    total_units   bigint NOT NULL CHECK (total_units >= 0),
    last_demand_on date,
    computed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sku, warehouse)
);
CREATE INDEX forecasts_by_warehouse ON forecasts (warehouse, sku);
