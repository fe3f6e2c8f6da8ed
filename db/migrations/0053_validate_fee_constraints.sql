-- Looks at the rows that were there before 0050 and 0052.
ALTER TABLE shipment_lines VALIDATE CONSTRAINT what_came_back_was_packed;
ALTER TABLE cancel_policies VALIDATE CONSTRAINT a_fee_has_a_currency;
ALTER TABLE cancel_policies VALIDATE CONSTRAINT nothing_is_kept_before_payment;
ALTER TABLE orders VALIDATE CONSTRAINT cancel_fee_is_no_credit;
