-- What a cancellation costs, by phase and actor; and what is kept of an order that was canceled.
-- docs/after-sales.md.
ALTER TABLE cancel_policies ADD COLUMN fee bigint;
ALTER TABLE cancel_policies ADD COLUMN currency text NOT NULL DEFAULT '';
ALTER TABLE cancel_policies ADD CONSTRAINT a_fee_has_a_currency
    CHECK ((fee IS NULL) = (currency = '') AND (fee IS NULL OR fee > 0)) NOT VALID;
ALTER TABLE cancel_policies ADD CONSTRAINT nothing_is_kept_before_payment
    CHECK (phase <> 'before_payment' OR fee IS NULL) NOT VALID;
ALTER TABLE orders ADD COLUMN cancel_fee bigint NOT NULL DEFAULT 0;
ALTER TABLE orders ADD CONSTRAINT cancel_fee_is_no_credit CHECK (cancel_fee >= 0) NOT VALID;
