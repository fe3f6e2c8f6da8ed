-- What of an order was reported missing is asked under the order's lock, and the ledger is long.
CREATE INDEX stock_movements_short ON stock_movements (order_id) WHERE kind = 'short';
