-- What happened, who waits for whom, and what goes out and comes in.

-- The timeline. `data` holds ids, codes and amounts; free text of a person stands in `note`.
CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    type        text NOT NULL,
    actor       text NOT NULL,
    role        text NOT NULL,
    data        jsonb NOT NULL DEFAULT '{}',
    note        text,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_by_order ON events (order_id, id);
CREATE TRIGGER no_delete BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One row per finished step of an order: the same step again answers from here.
CREATE TABLE steps (
    order_id text NOT NULL REFERENCES orders,
    cause    text NOT NULL,
    result   jsonb NOT NULL DEFAULT 'null',
    done_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, cause)
);

CREATE TABLE holds (
    id          text PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    reason      text NOT NULL CHECK (reason IN (
        'awaiting_payment', 'high_risk_of_fraud', 'incorrect_address', 'inventory_out_of_stock',
        'awaiting_return_items', 'provider_unavailable', 'other')),
    note        text,
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    released_by text
);
CREATE INDEX holds_by_order ON holds (order_id);

-- Why an order waits for a person: here for the API, mirrored in KervanAttention for the UI.
CREATE TABLE attention (
    order_id text NOT NULL REFERENCES orders,
    code     text NOT NULL,
    subject  text NOT NULL DEFAULT '',
    detail   text NOT NULL,
    can      text[] NOT NULL DEFAULT '{}',
    since    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (order_id, code, subject)
);
CREATE INDEX attention_by_code ON attention (code, since);

-- News to be told to a workflow (or its start), written with the fact itself.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   text NOT NULL,
    kind       text NOT NULL,
    payload    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- The process that wrote the row tries first; the relay takes what is still here after that.
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    error      text
);
CREATE INDEX outbox_due ON outbox (due_at, id);
CREATE INDEX outbox_by_order ON outbox (order_id);

-- News from outside: written before it is acknowledged, each event once.
CREATE TABLE inbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       text NOT NULL CHECK (source IN ('payments', 'carriers', 'channels')),
    provider     text NOT NULL,
    event_id     text NOT NULL,
    payload      jsonb NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0,
    processed_at timestamptz,
    outcome      text,
    UNIQUE (source, provider, event_id)
);
CREATE INDEX inbox_due ON inbox (due_at, id) WHERE processed_at IS NULL;

CREATE TABLE notifications (
    id         text PRIMARY KEY,
    order_id   text NOT NULL REFERENCES orders,
    milestone  text NOT NULL,
    -- What it is about (a shipment, a payment); a milestone is told once per subject.
    subject    text NOT NULL DEFAULT '',
    status     text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending', 'sent', 'failed', 'skipped')),
    reason     text,
    data       jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    UNIQUE (order_id, milestone, subject)
);

CREATE TABLE feedback (
    id           text PRIMARY KEY,
    order_id     text NOT NULL REFERENCES orders,
    reference    text NOT NULL DEFAULT '',
    score        integer NOT NULL CHECK (score BETWEEN 1 AND 5),
    title        text,
    comment      text,
    occurred_at  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (order_id, reference)
);

CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    key_hash   bytea NOT NULL UNIQUE,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- The key's row is written first, in the transaction of the effect.
CREATE TABLE idempotency_keys (
    actor        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       integer,
    response     text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
