"""Places, their ledger and their levels agree, whoever did what."""

from db.pool import Pool

_OFF = """
    SELECT l.sku, l.warehouse, l.placed, l.on_hand, l.quarantined, p.there, p.locked, m.moved
    FROM stock_levels l
    LEFT JOIN (SELECT p.sku, p.warehouse, sum(p.quantity) AS there,
                   sum(p.quantity) FILTER (WHERE b.kind = 'quarantine') AS locked
               FROM stock_places p JOIN bins b ON b.warehouse = p.warehouse AND b.code = p.bin
               GROUP BY 1, 2) p USING (sku, warehouse)
    LEFT JOIN (SELECT sku, warehouse, sum(quantity) AS moved FROM place_movements
               GROUP BY 1, 2) m USING (sku, warehouse)
    WHERE l.placed <> coalesce(p.there, 0) OR l.placed <> coalesce(m.moved, 0)
       OR l.placed > l.on_hand OR coalesce(p.locked, 0) > l.quarantined
"""
_PLACES_OFF = """
    SELECT p.sku, p.warehouse, p.bin, p.lot, p.quantity, sum(m.quantity)
    FROM stock_places p LEFT JOIN place_movements m USING (sku, warehouse, bin, lot)
    GROUP BY 1, 2, 3, 4, 5 HAVING p.quantity <> coalesce(sum(m.quantity), 0)
"""
_COUNTERS_OFF = """
    SELECT l.sku, l.warehouse FROM stock_levels l
    LEFT JOIN (SELECT sku, warehouse, sum(on_hand) AS on_hand, sum(damaged) AS damaged,
                   sum(quarantined) AS quarantined, sum(incoming) AS incoming,
                   sum(allocated) AS allocated
               FROM stock_movements GROUP BY 1, 2) m USING (sku, warehouse)
    WHERE (l.on_hand, l.damaged, l.quarantined, l.incoming, l.allocated) IS DISTINCT FROM
        (coalesce(m.on_hand, 0), coalesce(m.damaged, 0), coalesce(m.quarantined, 0),
         coalesce(m.incoming, 0), coalesce(m.allocated, 0))
"""


async def everything_agrees(pool: Pool) -> None:
    """Places are the sum of their movements, `placed` that of the places, counters their ledger."""
    for query in (_OFF, _PLACES_OFF, _COUNTERS_OFF):
        assert [tuple(row) for row in await pool.fetch(query)] == []
