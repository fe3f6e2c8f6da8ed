-- Where in a warehouse goods lie, of which lot and with which serial number; the work lists of
-- pickers and counters. A shop that names no bin has empty tables here, and nothing changes for it.
ALTER TABLE items
    ADD COLUMN lot_tracked boolean NOT NULL DEFAULT false,
    ADD COLUMN serial_tracked boolean NOT NULL DEFAULT false;

CREATE TABLE bins (
    warehouse   text NOT NULL REFERENCES warehouses,
    code        text NOT NULL CHECK (code <> ''),
    zone        text NOT NULL DEFAULT '',
    -- The walking order: a picker passes bins by rising sequence.
    sequence    integer NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    kind        text NOT NULL CHECK (kind IN ('pick', 'bulk', 'receiving', 'quarantine')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (warehouse, code)
);
CREATE INDEX bins_walk ON bins (warehouse, sequence, code);

-- What came in together. A lot is good through the day of `expires_on`.
CREATE TABLE lots (
    sku         text NOT NULL REFERENCES items,
    lot         text NOT NULL CHECK (lot <> ''),
    expires_on  date,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sku, lot)
);
CREATE INDEX lots_running_out ON lots (expires_on) WHERE expires_on IS NOT NULL;

-- Counters: what place_movements sums to. Units of a level that no place has are on the way
-- between two: just received, on a cart, in a parcel. Whoever writes here holds the level's lock.
CREATE TABLE stock_places (
    sku         text NOT NULL,
    warehouse   text NOT NULL,
    bin         text NOT NULL,
    lot         text NOT NULL DEFAULT '',
    quantity    integer NOT NULL DEFAULT 0 CHECK (quantity >= 0),
    named_lot   text GENERATED ALWAYS AS (nullif(lot, '')) STORED,
    PRIMARY KEY (sku, warehouse, bin, lot),
    FOREIGN KEY (sku, warehouse) REFERENCES stock_levels,
    FOREIGN KEY (warehouse, bin) REFERENCES bins,
    FOREIGN KEY (sku, named_lot) REFERENCES lots
);
-- Places that were emptied stay, so that their ledger has something to refer to.
CREATE INDEX stock_places_by_level ON stock_places (sku, warehouse) WHERE quantity > 0;
CREATE INDEX stock_places_by_bin ON stock_places (warehouse, bin, sku, lot) WHERE quantity > 0;

-- Append-only: every change of a place. `quantity` is added to it.
CREATE TABLE place_movements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL,
    warehouse   text NOT NULL,
    bin         text NOT NULL,
    lot         text NOT NULL DEFAULT '',
    kind        text NOT NULL CHECK (kind IN (
        'putaway', 'pick', 'move', 'count', 'draw', 'return', 'adjust')),
    quantity    integer NOT NULL CHECK (quantity <> 0),
    cause       text NOT NULL,
    order_id    text,
    line_id     text NOT NULL DEFAULT '',
    reason      text,
    actor       text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (sku, warehouse, bin, lot) REFERENCES stock_places,
    CONSTRAINT each_place_movement_once UNIQUE (cause, line_id, kind, sku, warehouse, bin, lot)
);
CREATE INDEX place_movements_by_place
    ON place_movements (warehouse, bin, sku, lot, occurred_at DESC);
-- Which lot a customer got is asked when a supplier calls one back.
CREATE INDEX place_movements_by_lot ON place_movements (sku, lot, id DESC);
CREATE INDEX place_movements_by_order ON place_movements (order_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON place_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- `placed` is the sum of the places, and what lies in quarantine bins is quarantined: looked at
-- when the transaction ends, since places and counters are written by two statements.
CREATE FUNCTION places_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known record;
BEGIN
    SELECT l.placed, l.quarantined,
        coalesce(sum(p.quantity), 0) AS there,
        coalesce(sum(p.quantity) FILTER (WHERE b.kind = 'quarantine'), 0) AS locked_away
    INTO known
    FROM stock_levels l
    LEFT JOIN stock_places p ON p.sku = l.sku AND p.warehouse = l.warehouse
    LEFT JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin
    WHERE l.sku = NEW.sku AND l.warehouse = NEW.warehouse
    GROUP BY l.sku, l.warehouse;
    IF known.placed <> known.there OR known.locked_away > known.quarantined THEN
        RAISE EXCEPTION 'places of % at % do not agree with its counters', NEW.sku, NEW.warehouse
            USING ERRCODE = 'check_violation', CONSTRAINT = 'places_agree';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER places_agree AFTER INSERT OR UPDATE ON stock_places
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION places_agree();
-- Reservations touch neither column's value: they pay for the comparison alone.
CREATE CONSTRAINT TRIGGER places_agree AFTER UPDATE OF placed, quarantined ON stock_levels
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.placed <> NEW.placed OR OLD.quarantined > NEW.quarantined)
    EXECUTE FUNCTION places_agree();

-- One piece of a serial-tracked item, wherever it went.
CREATE TABLE serials (
    sku         text NOT NULL REFERENCES items,
    serial      text NOT NULL CHECK (serial <> ''),
    status      text NOT NULL CHECK (status IN (
        'in_stock', 'picked', 'packed', 'in_transit', 'shipped', 'gone')),
    warehouse   text REFERENCES warehouses,
    order_id    text REFERENCES orders,
    line_id     text REFERENCES order_lines,
    shipment_id text REFERENCES shipments,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sku, serial),
    CONSTRAINT serial_lies_somewhere CHECK (
        (status IN ('in_stock', 'picked', 'packed')) <= (warehouse IS NOT NULL)),
    CONSTRAINT serial_is_somebodys CHECK (
        (status IN ('picked', 'packed', 'shipped')) = (order_id IS NOT NULL)
        AND (status IN ('packed', 'shipped')) = (shipment_id IS NOT NULL)
        AND (line_id IS NULL) = (order_id IS NULL))
);
CREATE INDEX serials_by_number ON serials (serial);
CREATE INDEX serials_by_order ON serials (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX serials_by_shipment ON serials (shipment_id) WHERE shipment_id IS NOT NULL;
CREATE INDEX serials_by_warehouse ON serials (sku, warehouse, status);

-- Append-only: what became of each piece.
CREATE TABLE serial_movements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL,
    serial      text NOT NULL,
    status      text NOT NULL,
    warehouse   text,
    order_id    text,
    shipment_id text,
    cause       text NOT NULL,
    actor       text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (sku, serial) REFERENCES serials
);
CREATE INDEX serial_movements_by_serial ON serial_movements (sku, serial, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON serial_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One picker's round over the work of many orders.
CREATE TABLE pick_lists (
    id          text PRIMARY KEY,
    warehouse   text NOT NULL REFERENCES warehouses,
    picker      text NOT NULL,
    status      text NOT NULL DEFAULT 'in_progress' CHECK (status IN (
        'in_progress', 'done', 'canceled')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    CONSTRAINT closed_when_over CHECK ((status = 'in_progress') = (closed_at IS NULL))
);
CREATE INDEX pick_lists_by_warehouse ON pick_lists (warehouse, created_at DESC, id DESC);
CREATE INDEX pick_lists_under_way ON pick_lists (warehouse) WHERE status = 'in_progress';

CREATE TABLE pick_list_orders (
    pick_list_id text NOT NULL REFERENCES pick_lists,
    fulfillment_order_id text NOT NULL REFERENCES fulfillment_orders,
    -- The compartment of the cart that its units go into.
    slot        integer NOT NULL CHECK (slot > 0),
    claimed     boolean NOT NULL DEFAULT true,
    PRIMARY KEY (pick_list_id, fulfillment_order_id),
    UNIQUE (pick_list_id, slot)
);
-- Two pickers never get the same work.
CREATE UNIQUE INDEX work_is_claimed_once ON pick_list_orders (fulfillment_order_id) WHERE claimed;

-- A stop of the walk: so many units of one place; without a bin, wherever they lie.
CREATE TABLE pick_tasks (
    pick_list_id text NOT NULL REFERENCES pick_lists,
    position    integer NOT NULL CHECK (position > 0),
    sku         text NOT NULL REFERENCES items,
    bin         text NOT NULL DEFAULT '',
    lot         text NOT NULL DEFAULT '',
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (pick_list_id, position)
);

CREATE TABLE pick_task_parts (
    pick_list_id text NOT NULL,
    position    integer NOT NULL,
    fulfillment_order_id text NOT NULL,
    line_id     text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    picked      integer NOT NULL DEFAULT 0 CHECK (picked >= 0),
    short       integer NOT NULL DEFAULT 0 CHECK (short >= 0),
    PRIMARY KEY (pick_list_id, position, fulfillment_order_id, line_id),
    FOREIGN KEY (pick_list_id, position) REFERENCES pick_tasks,
    FOREIGN KEY (pick_list_id, fulfillment_order_id) REFERENCES pick_list_orders,
    FOREIGN KEY (fulfillment_order_id, line_id) REFERENCES fulfillment_order_lines,
    CONSTRAINT found_what_was_asked CHECK (picked + short <= quantity)
);

-- Goods on the way between two warehouses.
CREATE TABLE transfers (
    id          text PRIMARY KEY,
    from_warehouse text NOT NULL REFERENCES warehouses,
    to_warehouse text NOT NULL REFERENCES warehouses,
    reference   text NOT NULL,
    status      text NOT NULL DEFAULT 'in_transit' CHECK (status IN ('in_transit', 'received')),
    dispatched_by text NOT NULL,
    dispatched_at timestamptz NOT NULL DEFAULT now(),
    received_by text,
    received_at timestamptz,
    CONSTRAINT two_warehouses CHECK (from_warehouse <> to_warehouse),
    CONSTRAINT received_when_over CHECK ((status = 'received') = (received_at IS NOT NULL))
);
CREATE INDEX transfers_by_target ON transfers (to_warehouse, dispatched_at DESC, id DESC);

CREATE TABLE transfer_lines (
    transfer_id text NOT NULL REFERENCES transfers,
    sku         text NOT NULL REFERENCES items,
    lot         text NOT NULL DEFAULT '',
    quantity    integer NOT NULL CHECK (quantity > 0),
    -- More or less than was sent is a difference that somebody has to explain.
    received    integer CHECK (received >= 0),
    reason      text,
    serials     text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (transfer_id, sku, lot)
);

-- A sheet that somebody counts by, without the books' numbers on it.
CREATE TABLE cycle_counts (
    id          text PRIMARY KEY,
    warehouse   text NOT NULL REFERENCES warehouses,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN (
        'open', 'waiting', 'done', 'canceled')),
    reason      text,
    -- Bins that are counted whole, so that what the books do not know of is found, too.
    bins        text[] NOT NULL DEFAULT '{}',
    tolerance_units integer NOT NULL DEFAULT 0 CHECK (tolerance_units >= 0),
    tolerance_percent integer NOT NULL DEFAULT 0 CHECK (tolerance_percent BETWEEN 0 AND 100),
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    CONSTRAINT count_closed_when_over
        CHECK ((status IN ('done', 'canceled')) = (closed_at IS NOT NULL))
);
CREATE INDEX cycle_counts_by_warehouse ON cycle_counts (warehouse, created_at DESC, id DESC);

-- One place (or, without a bin, all there is of an item) to count. A recount is another row.
CREATE TABLE cycle_count_lines (
    cycle_count_id text NOT NULL REFERENCES cycle_counts,
    position    integer NOT NULL CHECK (position > 0),
    warehouse   text NOT NULL REFERENCES warehouses,
    sku         text NOT NULL REFERENCES items,
    bin         text NOT NULL DEFAULT '',
    lot         text NOT NULL DEFAULT '',
    status      text NOT NULL DEFAULT 'open' CHECK (status IN (
        'open', 'waiting', 'accepted', 'approved', 'rejected', 'recounted', 'canceled')),
    -- What the books said at `counted_at`, and what was there.
    expected    integer,
    counted     integer CHECK (counted >= 0),
    counted_at  timestamptz,
    counted_by  text,
    -- The API key of the counter: the one who decides has another.
    counted_key text,
    decided_at  timestamptz,
    decided_by  text,
    note        text,
    PRIMARY KEY (cycle_count_id, position),
    CONSTRAINT counted_when_not_open CHECK (CASE status
        WHEN 'open' THEN counted IS NULL WHEN 'canceled' THEN true ELSE counted IS NOT NULL END),
    CONSTRAINT counted_against_the_books CHECK (
        num_nonnulls(expected, counted, counted_at, counted_by, counted_key) IN (0, 5)),
    CONSTRAINT decided_when_decided CHECK (
        (status IN ('approved', 'rejected', 'recounted', 'canceled')) = (decided_by IS NOT NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL))
);
-- A difference that waits would be found, and corrected, twice.
CREATE UNIQUE INDEX one_count_of_a_place ON cycle_count_lines (warehouse, sku, bin, lot)
    WHERE status IN ('open', 'waiting');
