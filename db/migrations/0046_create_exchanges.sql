-- Goods that are sent in place of others: what comes back, or was wrong, pays for a new order.
-- docs/after-sales.md.
CREATE TABLE exchanges (
    id           text PRIMARY KEY,
    -- The order that the goods were of, and the return that brings them back; none: they stay.
    order_id     text NOT NULL REFERENCES orders,
    return_id    text REFERENCES returns,
    new_order_id text NOT NULL UNIQUE REFERENCES orders,
    -- When the new order may leave.
    send         text NOT NULL CHECK (send IN ('at_once', 'on_handover', 'on_receipt')),
    status       text NOT NULL DEFAULT 'promised' CHECK (status IN (
        'promised', 'granted', 'failed', 'withdrawn')),
    currency     char(3) NOT NULL,
    -- Minor units: what the new order was promised, what it still takes of it, and what the old
    -- order has given.
    promised     bigint NOT NULL CHECK (promised >= 0),
    used         bigint NOT NULL CHECK (used BETWEEN 0 AND promised),
    granted      bigint NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND used),
    actor        text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT nothing_awaited_is_sent_at_once CHECK ((return_id IS NULL) = (send = 'at_once'))
);
CREATE UNIQUE INDEX exchanges_of_return ON exchanges (return_id)
    WHERE status IN ('promised', 'granted');
CREATE INDEX exchanges_of_order ON exchanges (order_id, id);

-- Append-only: what new orders took of it and gave back again. `used` is the sum.
CREATE TABLE exchange_uses (
    cause       text PRIMARY KEY,
    exchange_id text NOT NULL REFERENCES exchanges,
    amount      bigint NOT NULL CHECK (amount <> 0),
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX exchange_uses_of ON exchange_uses (exchange_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON exchange_uses
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What of a refund pays the new order instead of going back to the customer. Less than nothing:
-- the new order does not need it after all, and the customer gets it.
ALTER TABLE refunds ADD COLUMN exchanged bigint NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN exchange_id text;
ALTER TABLE refunds ADD CONSTRAINT of_a_known_exchange
    FOREIGN KEY (exchange_id) REFERENCES exchanges NOT VALID;

-- When the goods in exchange are sent.
ALTER TABLE return_policies ADD COLUMN exchange_sent text NOT NULL DEFAULT 'on_receipt';
ALTER TABLE return_policies ADD CONSTRAINT exchange_is_sent_some_time
    CHECK (exchange_sent IN ('on_handover', 'on_receipt')) NOT VALID;
ALTER TABLE returns ADD COLUMN exchange_sent text NOT NULL DEFAULT 'on_receipt';
ALTER TABLE returns ADD CONSTRAINT exchange_of_return_is_sent_some_time
    CHECK (exchange_sent IN ('on_handover', 'on_receipt')) NOT VALID;
-- What the customer wants for the goods: their money, or the same again.
ALTER TABLE returns ADD COLUMN wants text NOT NULL DEFAULT 'refund';
ALTER TABLE returns ADD CONSTRAINT wants_money_or_goods
    CHECK (wants IN ('refund', 'exchange')) NOT VALID;
