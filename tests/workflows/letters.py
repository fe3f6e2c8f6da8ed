"""The way of the providers' webhooks into a shop."""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus

from tests.fakes.webhook_receiver import Received, WebhookReceiver


@contextlib.contextmanager
def delivered_to(queue: asyncio.Queue[Received], receiver: WebhookReceiver) -> Iterator[None]:
    """Put every webhook that arrives for a while into a shop's letter box."""

    def take(letter: Received) -> HTTPStatus:
        queue.put_nowait(letter)
        return HTTPStatus.OK

    before, receiver.answer = receiver.answer, take
    yield
    receiver.answer = before
