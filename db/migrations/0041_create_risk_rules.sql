-- When an order is put before a person because it may be fraud. docs/after-sales.md. None at first.
CREATE TABLE risk_rules (
    position             integer PRIMARY KEY CHECK (position >= 0),
    name                 text NOT NULL UNIQUE,
    action               text NOT NULL CHECK (action IN ('hold', 'note')),
    -- All that is named has to be so. Money in minor units of `currency`.
    total_over           bigint CHECK (total_over >= 0),
    currency             char(3),
    units_over           integer CHECK (units_over >= 0),
    new_customer         boolean,
    orders_over          integer CHECK (orders_over >= 0),
    within_seconds       bigint CHECK (within_seconds BETWEEN 1 AND 31536000),
    failed_payments_over integer CHECK (failed_payments_over >= 0),
    countries_differ     boolean,
    country              char(2),
    CONSTRAINT a_total_has_a_currency CHECK ((total_over IS NULL) = (currency IS NULL)),
    CONSTRAINT orders_have_a_time CHECK ((orders_over IS NULL) = (within_seconds IS NULL)),
    CONSTRAINT asks_for_something CHECK (num_nonnulls(total_over, units_over, new_customer,
        orders_over, failed_payments_over, countries_differ, country) > 0)
);
