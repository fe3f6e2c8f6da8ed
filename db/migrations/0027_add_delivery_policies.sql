-- What is done when a carrier fails: rules as rows, what was decided of a parcel, what was written
-- off, and claims against carriers. docs/after-sales.md.
CREATE TABLE delivery_policies (
    -- Its place in the list: of the rules of an event, the first that fits counts.
    position      integer PRIMARY KEY CHECK (position >= 0),
    event         text NOT NULL CHECK (event IN (
        'attempted', 'delayed', 'lost', 'returned_to_sender', 'no_news')),
    -- Empty is any destination.
    country       text NOT NULL DEFAULT '',
    -- What the customer paid for the goods of the parcel, at most; in minor units.
    value_up_to   bigint CHECK (value_up_to >= 0),
    currency      text NOT NULL DEFAULT '',
    action        text NOT NULL CHECK (action IN (
        'tell', 'wait', 'replace', 'refund', 'ask_person')),
    after_seconds integer NOT NULL CHECK (after_seconds BETWEEN 0 AND 31536000),
    tell_customer boolean NOT NULL,
    CONSTRAINT a_limit_has_a_currency CHECK ((value_up_to IS NULL) = (currency = ''))
);
INSERT INTO delivery_policies (position, event, action, after_seconds, tell_customer) VALUES
    (0, 'attempted', 'wait', 259200, true),
    (1, 'delayed', 'wait', 432000, true),
    (2, 'lost', 'replace', 172800, true),
    (3, 'returned_to_sender', 'refund', 1209600, true),
    (4, 'no_news', 'ask_person', 0, false);

-- Who changed which policy when, and what it was.
CREATE TABLE policy_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy      text NOT NULL,
    actor       text NOT NULL,
    role        text NOT NULL,
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX policy_changes_of ON policy_changes (policy, id DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON policy_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The trouble of a parcel: the last decision about it, and how it ended. One row per parcel.
CREATE TABLE parcel_endings (
    shipment_id   text PRIMARY KEY REFERENCES shipments,
    order_id      text NOT NULL REFERENCES orders,
    event         text NOT NULL,
    action        text NOT NULL,
    tell_customer boolean NOT NULL DEFAULT false,
    decided_at    timestamptz NOT NULL DEFAULT now(),
    -- A deadline like all others: a relay tells of it, once.
    due_at        timestamptz NOT NULL,
    flagged       boolean NOT NULL DEFAULT false,
    resolution    text CHECK (resolution IN ('replace', 'refund')),
    resolved_at   timestamptz,
    -- When the parcel was back at a warehouse of ours, and which.
    received_at   timestamptz,
    warehouse     text REFERENCES warehouses
);
CREATE INDEX parcel_endings_due ON parcel_endings (due_at)
    WHERE NOT flagged AND resolution IS NULL;

-- Units of a parcel that are not owed through it any more: sent again, or given back in money.
ALTER TABLE shipment_lines ADD COLUMN written_off integer NOT NULL DEFAULT 0;
ALTER TABLE shipment_lines ADD CONSTRAINT written_off_was_packed
    CHECK (written_off BETWEEN 0 AND quantity) NOT VALID;

-- What a carrier owes us for a parcel. `dropped`: the parcel turned up.
CREATE TABLE claims (
    id          text PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    shipment_id text NOT NULL UNIQUE REFERENCES shipments,
    reason      text NOT NULL,
    resolution  text NOT NULL,
    carrier     text,
    -- What the customer paid for the units that were written off, and what the carrier paid for them.
    amount      bigint NOT NULL CHECK (amount >= 0),
    currency    char(3) NOT NULL,
    recovered   bigint NOT NULL DEFAULT 0 CHECK (recovered >= 0),
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost', 'dropped')),
    note        text,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    closed_at   timestamptz,
    closed_by   text
);
CREATE INDEX claims_newest ON claims (id DESC);
CREATE INDEX claims_of_order ON claims (order_id);
