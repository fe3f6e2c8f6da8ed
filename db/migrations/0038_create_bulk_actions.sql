-- The same done to many orders, by one person's word. docs/after-sales.md.
CREATE TABLE bulk_actions (
    id         text PRIMARY KEY,
    action     text NOT NULL CHECK (action IN (
        'cancel', 'cancel_lines', 'hold', 'release', 'retry')),
    -- What was asked for: which orders, and why (codes and ids).
    filter     jsonb NOT NULL,
    reason     text NOT NULL,
    actor      text NOT NULL,
    role       text NOT NULL,
    note       text,
    status     text NOT NULL DEFAULT 'running' CHECK (status IN (
        'running', 'stopping', 'stopped', 'done')),
    total      integer NOT NULL CHECK (total >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    CONSTRAINT ended_with_its_status
        CHECK ((status IN ('stopped', 'done')) = (ended_at IS NOT NULL))
);

-- The orders, as they were found when it began.
CREATE TABLE bulk_items (
    bulk_id  text NOT NULL REFERENCES bulk_actions,
    order_id text NOT NULL REFERENCES orders,
    position integer NOT NULL,
    status   text NOT NULL DEFAULT 'waiting' CHECK (status IN (
        'waiting', 'done', 'refused', 'skipped')),
    -- Why it was refused, or what there was to do.
    code     text,
    -- The request in the order's timeline, and what was asked with it (units, holds).
    event    bigint,
    plan     jsonb,
    ended_at timestamptz,
    PRIMARY KEY (bulk_id, position),
    CONSTRAINT each_order_once UNIQUE (bulk_id, order_id)
);
CREATE INDEX bulk_items_waiting ON bulk_items (bulk_id, position) WHERE status = 'waiting';
