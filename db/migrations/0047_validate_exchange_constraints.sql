-- Looks at the rows that were there before 0046.
ALTER TABLE refunds VALIDATE CONSTRAINT of_a_known_exchange;
ALTER TABLE return_policies VALIDATE CONSTRAINT exchange_is_sent_some_time;
ALTER TABLE returns VALIDATE CONSTRAINT exchange_of_return_is_sent_some_time;
ALTER TABLE returns VALIDATE CONSTRAINT wants_money_or_goods;
