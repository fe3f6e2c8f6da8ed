"""What all policies that stand in rows have in common, as they are sent."""

from typing import Any

from api.errors import FieldError
from api.schemas.fields import Strict


class PolicyIn(Strict):
    """All rules of a policy; they replace those before."""

    @property
    def known(self) -> Any:  # noqa: ANN401 - each policy has rules of its own kind
        """The rules as the decision knows them."""
        raise NotImplementedError

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        raise NotImplementedError
