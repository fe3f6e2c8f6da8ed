-- How long a hold is to last, and what is done then.
ALTER TABLE holds
    ADD COLUMN ends_at timestamptz,
    ADD COLUMN at_end text,
    ADD COLUMN end_flagged boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT known_end
        CHECK (at_end IN ('release', 'ask_person', 'cancel')) NOT VALID,
    ADD CONSTRAINT an_end_has_a_time
        CHECK ((ends_at IS NULL) = (at_end IS NULL)) NOT VALID;
