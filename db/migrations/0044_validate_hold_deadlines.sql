-- Looks at the rows that were there before 0043.
ALTER TABLE holds VALIDATE CONSTRAINT known_end;
ALTER TABLE holds VALIDATE CONSTRAINT an_end_has_a_time;
