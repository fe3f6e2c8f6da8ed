-- The columns that db/columns.py packs: texts with the unit separator between them, the record
-- separator for no value.
CREATE FUNCTION unpacked(packed text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN string_to_array(packed, U&'\001F', U&'\001E');

-- The one statement that writes the ledger takes its rows from the levels it has changed
-- (db/queries/ledger.sql), so that each has its level without being looked up again.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stock_movements DROP CONSTRAINT stock_movements_sku_warehouse_fkey;
CREATE TRIGGER no_delete BEFORE DELETE ON stock_levels
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A claim's line says whose it is, and has a key to its order.
-- squawk-ignore ban-drop-constraint
ALTER TABLE reservations DROP CONSTRAINT reservations_order_id_fkey;
