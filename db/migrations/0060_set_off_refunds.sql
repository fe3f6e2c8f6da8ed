-- What a return brings is not paid out twice: docs/after-sales.md, "The money of a return".
-- Of what units are worth: what the customer had got back, or was let off, before; and what they
-- owed still, which is not owed any more.
ALTER TABLE refunds ADD COLUMN already_given bigint NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN set_off bigint NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD CONSTRAINT refund_adds_up CHECK (
    already_given >= 0 AND set_off >= 0
    AND amount = goods + shipping + goodwill - fee - already_given - set_off) NOT VALID;
-- The one above holds for every row that this one lets in.
-- squawk-ignore ban-drop-constraint
ALTER TABLE refunds DROP CONSTRAINT amount_adds_up;

-- Accepted units that had been paid for before, by a person's word, or are more than was bought.
ALTER TABLE return_lines ADD COLUMN paid_before integer NOT NULL DEFAULT 0;
ALTER TABLE return_lines ADD CONSTRAINT paid_before_is_no_debt
    CHECK (paid_before >= 0) NOT VALID;
