-- Money given back by a person's word, or for what came back. docs/after-sales.md.
CREATE TABLE refunds (
    id          text PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    -- What it is for: the same is given back once.
    cause       text NOT NULL,
    destination text NOT NULL CHECK (destination IN ('original', 'store_credit')),
    status      text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'succeeded')),
    currency    char(3) NOT NULL,
    -- Minor units: goods and shipping and goodwill, less what is kept as a fee.
    goods       bigint NOT NULL CHECK (goods >= 0),
    shipping    bigint NOT NULL CHECK (shipping >= 0),
    goodwill    bigint NOT NULL CHECK (goodwill >= 0),
    fee         bigint NOT NULL CHECK (fee >= 0),
    amount      bigint NOT NULL CHECK (amount >= 0),
    reason      text NOT NULL,
    actor       text NOT NULL,
    role        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    CONSTRAINT given_once UNIQUE (order_id, cause),
    CONSTRAINT amount_adds_up CHECK (amount = goods + shipping + goodwill - fee),
    CONSTRAINT ended_with_its_status CHECK ((status = 'requested') = (ended_at IS NULL))
);
CREATE INDEX refunds_under_way ON refunds (id) WHERE status = 'requested';

CREATE TABLE refund_lines (
    refund_id text NOT NULL REFERENCES refunds,
    line_id   text NOT NULL REFERENCES order_lines,
    quantity  integer NOT NULL CHECK (quantity > 0),
    amount    bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (refund_id, line_id)
);

-- What each tender gives back.
CREATE TABLE refund_parts (
    refund_id  text NOT NULL REFERENCES refunds,
    payment_id text NOT NULL REFERENCES payments,
    amount     bigint NOT NULL CHECK (amount > 0),
    status     text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'succeeded')),
    reason     text,
    PRIMARY KEY (refund_id, payment_id)
);

-- Append-only: what customers have to spend. A balance is the sum.
CREATE TABLE store_credits (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL,
    currency    char(3) NOT NULL,
    amount      bigint NOT NULL CHECK (amount <> 0),
    order_id    text NOT NULL REFERENCES orders,
    cause       text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX store_credits_of ON store_credits (customer_id, id DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON store_credits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Units whose money is given back, or about to be, while they stay shipped (or came back).
ALTER TABLE order_lines ADD COLUMN given_back integer NOT NULL DEFAULT 0;
ALTER TABLE order_lines ADD CONSTRAINT given_back_was_shipped
    CHECK (given_back BETWEEN 0 AND shipped) NOT VALID;
-- What is given back beside units' shares (shipping, goodwill), less fees; and what of it all
-- became store credit.
ALTER TABLE orders ADD COLUMN given_back bigint NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN credited bigint NOT NULL DEFAULT 0;
ALTER TABLE orders ADD CONSTRAINT credited_is_not_negative CHECK (credited >= 0) NOT VALID;
-- What is on its way back to the customer, and not told by the provider yet.
ALTER TABLE payments ADD COLUMN refunding bigint NOT NULL DEFAULT 0;
ALTER TABLE payments ADD CONSTRAINT refunding_within_captured
    CHECK (refunding >= 0 AND refunded + refunding <= captured) NOT VALID;
