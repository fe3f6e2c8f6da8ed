"""Lots that are good no longer leave the sale, a slice of shelves in a transaction."""

from temporalio import activity

from activities.contracts import ExpireLots, LotsExpired
from db.expiry import expire_in_slices
from db.pool import Pool


class ExpiryActivities:
    """What a schedule does every now and then."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def expire_lots(self, task: ExpireLots) -> LotsExpired:
        """Put what has expired into quarantine; what orders were promised is reported."""
        found = await expire_in_slices(self._pool, task.cause)
        promised = [
            f"{left.quantity} of {left.sku} in lot {left.lot} at {left.warehouse} {left.bin}"
            for left in found.promised
        ]
        return LotsExpired(sum(move["quantity"] for move in found.moved), promised)
