-- An order that asked in vain while units were free, because they are kept for somebody ahead of it,
-- is told when that one was served: he may have taken others.
ALTER TABLE reservations ADD COLUMN passed_over boolean NOT NULL DEFAULT false;
