"""The label of a return: bought beside the run loop, tried again, and given back unused."""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.return_contracts import ReturnLabel
    from activities.returns import ReturnCarrierActivities
    from domain.attention import RETURN_LABEL_FAILED
    from domain.returns import Return
    from domain.states import ReturnStage
    from workflows import policies
    from workflows.desk import reason_of
    from workflows.return_messages import ReturnPolicy


class Owner(Protocol):
    """The return's workflow, as its label needs it."""

    @property
    def ret(self) -> Return:
        """The return as it stands."""
        ...

    def beside(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        """Do something that the run loop does not wait for."""
        ...

    def need_help(self, code: str, reason: str) -> None:
        """It waits for a person."""
        ...


class LabelDesk:
    """One label. `bought` is told when the carrier has sold it; `back`: that of rejected goods."""

    def __init__(
        self,
        owner: Owner,
        policy: ReturnPolicy,
        bought: Callable[[], None],
        *,
        back: bool = False,
    ) -> None:
        self._back = back
        self._owner = owner
        self._policy = policy
        self._bought = bought
        self._busy = False
        self._asked = False
        self._woken = False

    def buy(self) -> None:
        """Ask the carrier, unless it is being asked."""
        if not self._busy:
            self._busy = self._asked = True
            self._owner.beside(self._try())

    def retry(self) -> None:
        """Do not wait for the next try."""
        self._woken = True

    def give_back(self) -> None:
        """A label that nobody will use is void; the carrier refuses what is on its way."""
        over = self._owner.ret.status in {ReturnStage.CANCELED, ReturnStage.EXPIRED}
        if self._asked and over:
            self._owner.beside(self._void())

    def _wanted(self) -> bool:
        ret = self._owner.ret
        return ret.goes_back if self._back else ret.status is ReturnStage.APPROVED

    async def _try(self) -> None:
        """Until there is a label; after a few tries with a cry for help."""
        tries = 0
        while self._wanted():
            call = ReturnLabel(self._owner.ret.id, tries > 0, self._back)
            tries += 1
            try:
                await workflow.execute_activity_method(
                    ReturnCarrierActivities.buy_return_label,
                    call,
                    summary="label of what was rejected" if self._back else "label of the return",
                    **policies.outside(self._policy.step_attempts),
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    break
                self._owner.need_help(RETURN_LABEL_FAILED, reason_of(error))
                await self._rest()
            else:
                self._bought()
                break
        self._busy = False

    async def _rest(self) -> None:
        self._woken = False
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._woken or not self._wanted(),
                timeout=self._policy.step_retry_interval,
                timeout_summary="the next try of the label",
            )

    async def _void(self) -> None:
        # A call that is on its way may still bring one.
        await workflow.wait_condition(lambda: not self._busy)
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity_method(
                ReturnCarrierActivities.void_return_label,
                ReturnLabel(self._owner.ret.id),
                summary="label of the return is given back",
                **policies.NOTIFICATION,
            )
