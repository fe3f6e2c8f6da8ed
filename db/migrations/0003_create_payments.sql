-- One row per tender; a second try is another tender.
CREATE TABLE payments (
    id            text PRIMARY KEY,
    order_id      text NOT NULL REFERENCES orders,
    position      integer NOT NULL,
    method        text NOT NULL CHECK (method IN (
        'card', 'wallet', 'bank_transfer', 'cash_on_delivery', 'voucher')),
    provider      text NOT NULL,
    -- The provider's token of the customer's instrument: never leaves this table and the adapter.
    token         text,
    capture       text NOT NULL CHECK (capture IN ('on_shipment', 'immediate')),
    installments  integer NOT NULL DEFAULT 1 CHECK (installments >= 1),
    currency      char(3) NOT NULL,
    amount        bigint NOT NULL CHECK (amount >= 0),
    authorized    bigint NOT NULL DEFAULT 0,
    captured      bigint NOT NULL DEFAULT 0,
    refunded      bigint NOT NULL DEFAULT 0,
    status        text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending', 'authorized', 'partially_paid', 'paid', 'partially_refunded', 'refunded',
        'voided', 'expired', 'failed')),
    provider_ref  text,
    client_action jsonb,
    failure       text,
    expires_at    timestamptz,
    expiry_flagged boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (order_id, position),
    CONSTRAINT authorized_within_amount CHECK (authorized BETWEEN 0 AND amount),
    CONSTRAINT captured_within_authorized CHECK (captured BETWEEN 0 AND authorized),
    CONSTRAINT refunded_within_captured CHECK (refunded BETWEEN 0 AND captured)
);
CREATE INDEX payments_by_ref ON payments (provider, provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX payments_running_out ON payments (expires_at)
    WHERE status = 'authorized' AND NOT expiry_flagged;

-- What was asked of a provider, and how it went. `id` is the idempotency key sent to it.
CREATE TABLE payment_operations (
    id           text PRIMARY KEY,
    payment_id   text NOT NULL REFERENCES payments,
    order_id     text NOT NULL REFERENCES orders,
    kind         text NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    cause        text NOT NULL,
    amount       bigint NOT NULL CHECK (amount >= 0),
    status       text NOT NULL DEFAULT 'requested' CHECK (status IN (
        'requested', 'action_required', 'succeeded', 'failed', 'unknown')),
    provider_ref text,
    reason       text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (payment_id, kind, cause)
);
CREATE INDEX payment_operations_by_order ON payment_operations (order_id);

-- Append-only: the truth about money.
CREATE TABLE money_ledger (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    text NOT NULL REFERENCES orders,
    payment_id  text NOT NULL REFERENCES payments,
    kind        text NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund', 'expire')),
    amount      bigint NOT NULL CHECK (amount >= 0),
    currency    char(3) NOT NULL,
    cause       text NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT each_booking_once UNIQUE (payment_id, kind, cause)
);
CREATE INDEX money_ledger_by_order ON money_ledger (order_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON money_ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
