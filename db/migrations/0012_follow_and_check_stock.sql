-- Followed by channels, checked by the reconciler: what changes availability beside the ledger,
-- sums of the ledger up to a transaction, and what the checks have found.

-- One row: which life of the ledger cursors and sums speak of. After a restore the numbers of
-- transactions begin elsewhere; a new generation makes every reader begin anew (docs/runbook.md).
CREATE TABLE stock_feed (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation text NOT NULL DEFAULT left(md5(clock_timestamp()::text || random()::text), 12)
);
INSERT INTO stock_feed DEFAULT VALUES;

-- What can be sold of an item changes without a row of the ledger when the queue of waiting orders
-- does, and when a warehouse closes. Append-only in spirit; read by (xact, id) like the ledger.
CREATE TABLE stock_touches (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sku  text NOT NULL
);
CREATE INDEX stock_touches_by_xact ON stock_touches (xact, id);

CREATE FUNCTION touch_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock_touches (sku) VALUES (NEW.sku);
    RETURN NULL;
END $$;
CREATE TRIGGER began_to_wait AFTER INSERT ON reservations FOR EACH ROW
    WHEN (NEW.status = 'backordered') EXECUTE FUNCTION touch_waiting();
CREATE TRIGGER waits_otherwise AFTER UPDATE ON reservations FOR EACH ROW
    WHEN (OLD.status = 'backordered' OR NEW.status = 'backordered')
    EXECUTE FUNCTION touch_waiting();

CREATE FUNCTION touch_warehouse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock_touches (sku)
    SELECT sku FROM stock_levels WHERE warehouse = NEW.code ORDER BY sku;
    RETURN NULL;
END $$;
CREATE TRIGGER serves_otherwise AFTER UPDATE ON warehouses FOR EACH ROW
    WHEN ((OLD.closed_at, OLD.priority, OLD.country)
        IS DISTINCT FROM (NEW.closed_at, NEW.priority, NEW.country))
    EXECUTE FUNCTION touch_warehouse();

-- Sums of the ledger per level over all transactions before `upto`, which have all ended: the
-- next check adds what is newer. One row says up to where, and when everything was last summed.
CREATE TABLE stock_checkpoint (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation text NOT NULL,
    upto       xid8 NOT NULL,
    full_at    timestamptz NOT NULL
);
CREATE TABLE stock_checkpoint_sums (
    sku         text NOT NULL,
    warehouse   text NOT NULL,
    on_hand     bigint NOT NULL,
    allocated   bigint NOT NULL,
    held        bigint NOT NULL,
    safety      bigint NOT NULL,
    damaged     bigint NOT NULL,
    quarantined bigint NOT NULL,
    incoming    bigint NOT NULL,
    PRIMARY KEY (sku, warehouse)
);

CREATE TABLE stock_reconciliations (
    id          text PRIMARY KEY,
    -- The whole ledger was summed, or what is newer than the checkpoint.
    scope       text NOT NULL CHECK (scope IN ('full', 'incremental')),
    actor       text NOT NULL,
    levels      integer NOT NULL CHECK (levels >= 0),
    movements   bigint NOT NULL CHECK (movements >= 0),
    differences integer NOT NULL CHECK (differences >= 0),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL CHECK (finished_at >= started_at)
);
CREATE INDEX stock_reconciliations_newest ON stock_reconciliations (started_at DESC, id DESC);

-- What did not agree: `expected` says the side that is believed, `found` the other.
CREATE TABLE stock_differences (
    reconciliation_id text NOT NULL REFERENCES stock_reconciliations,
    position  integer NOT NULL CHECK (position >= 0),
    kind      text NOT NULL,
    counter   text NOT NULL,
    sku       text,
    warehouse text,
    order_id  text,
    line_id   text,
    expected  bigint NOT NULL,
    found     bigint NOT NULL,
    PRIMARY KEY (reconciliation_id, position),
    CHECK (expected <> found)
);
