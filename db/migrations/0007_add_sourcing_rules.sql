-- Which location ships an order, as data: what a warehouse reaches at which cost and in how many
-- days, what it does not ship, and what comes first for the whole shop. docs/sourcing.md.
ALTER TABLE warehouses ADD COLUMN handling_days integer NOT NULL DEFAULT 1;
-- A shop has few warehouses, so they may be looked at here and now.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE warehouses ADD CONSTRAINT handling_days_are_counted
    CHECK (handling_days BETWEEN 0 AND 365);

CREATE TABLE sourcing_zones (
    warehouse       text NOT NULL REFERENCES warehouses,
    -- Its place in the list: of two zones for the same destinations, the first counts.
    position        integer NOT NULL CHECK (position >= 0),
    zone            integer NOT NULL CHECK (zone BETWEEN 0 AND 99),
    -- No country is any; prefixes stand within one country.
    countries       text[] NOT NULL DEFAULT '{}',
    postal_prefixes text[] NOT NULL DEFAULT '{}',
    transit_days    integer NOT NULL CHECK (transit_days BETWEEN 0 AND 365),
    -- Minor units of the currency that sourcing_rules name.
    parcel_cost     bigint NOT NULL CHECK (parcel_cost >= 0),
    unit_cost       bigint NOT NULL CHECK (unit_cost >= 0),
    PRIMARY KEY (warehouse, position),
    CONSTRAINT prefixes_stand_within_a_country
        CHECK (cardinality(postal_prefixes) = 0 OR cardinality(countries) = 1)
);

-- What a warehouse does not ship: every field that is set must fit.
CREATE TABLE sourcing_exclusions (
    warehouse     text NOT NULL REFERENCES warehouses,
    position      integer NOT NULL CHECK (position >= 0),
    category      text NOT NULL DEFAULT '',
    sku           text NOT NULL DEFAULT '',
    country       text NOT NULL DEFAULT '',
    postal_prefix text NOT NULL DEFAULT '',
    note          text,
    PRIMARY KEY (warehouse, position),
    CONSTRAINT excludes_something CHECK (category || sku || country <> ''),
    CONSTRAINT prefix_stands_within_a_country CHECK (postal_prefix = '' OR country <> '')
);

-- One row for the shop. Writers lock it, so that changes come one after the other.
CREATE TABLE sourcing_rules (
    id                 boolean PRIMARY KEY DEFAULT true CHECK (id),
    criteria           text[] NOT NULL,
    currency           char(3) NOT NULL,
    -- ISO weekdays on which goods are handled and carried.
    working_days       integer[] NOT NULL,
    -- What holds where a warehouse names no zone: in its own country, and beyond.
    home_zone          integer NOT NULL CHECK (home_zone BETWEEN 0 AND 99),
    home_transit_days  integer NOT NULL CHECK (home_transit_days BETWEEN 0 AND 365),
    home_parcel_cost   bigint NOT NULL CHECK (home_parcel_cost >= 0),
    home_unit_cost     bigint NOT NULL CHECK (home_unit_cost >= 0),
    abroad_zone         integer NOT NULL CHECK (abroad_zone BETWEEN 0 AND 99),
    abroad_transit_days integer NOT NULL CHECK (abroad_transit_days BETWEEN 0 AND 365),
    abroad_parcel_cost  bigint NOT NULL CHECK (abroad_parcel_cost >= 0),
    abroad_unit_cost    bigint NOT NULL CHECK (abroad_unit_cost >= 0),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT criteria_are_known CHECK (cardinality(criteria) BETWEEN 1 AND 6 AND criteria <@
        '{parcels,cost,distance,promise,balance,priority}'::text[]),
    CONSTRAINT there_are_working_days CHECK (cardinality(working_days) BETWEEN 1 AND 7
        AND working_days <@ '{1,2,3,4,5,6,7}'::integer[])
);
INSERT INTO sourcing_rules (criteria, currency, working_days,
    home_zone, home_transit_days, home_parcel_cost, home_unit_cost,
    abroad_zone, abroad_transit_days, abroad_parcel_cost, abroad_unit_cost)
VALUES ('{parcels,cost,distance,promise,balance,priority}', 'TRY', '{1,2,3,4,5,6,7}',
    1, 2, 0, 0, 9, 7, 0, 0);

-- Who changed which rules when, and what they were: `warehouse` is empty for those of the shop.
CREATE TABLE sourcing_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    warehouse   text NOT NULL DEFAULT '',
    actor       text NOT NULL,
    role        text NOT NULL,
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sourcing_changes_of ON sourcing_changes (warehouse, id DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON sourcing_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
