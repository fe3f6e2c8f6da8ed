"""Ports that stay ours from the moment they are chosen."""

import contextlib
import errno
import socket
from typing import Self

LOOPBACK = "127.0.0.1"


class PortTakenError(Exception):
    """Somebody else listens on a port that the settings ask for."""


class PortReservation:
    """Holds a loopback port for a server that is yet to start, or to start again.

    The held socket is bound and never listens. A server that sets SO_REUSEADDR (PostgreSQL, Go
    and asyncio all do) can bind beside it, while the kernel gives the port to nobody who asks for
    a free one; so a part that died finds its port again.
    """

    def __init__(self, port: int = 0, *, variable: str = "") -> None:
        """Reserve `port`, or a free one for 0; `variable` is what an error tells to change.

        Raises:
            PortTakenError: another process listens there.

        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as error:
            self._socket.close()
            if error.errno != errno.EADDRINUSE:
                raise
            hint = f"; set {variable} to another, or to 0 for a free one" if variable else ""
            message = f"port {port} on {LOOPBACK} is taken{hint}"
            raise PortTakenError(message) from error
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        """Hold the port for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have it."""
        self.release()

    def release(self) -> None:
        """Let others have the port."""
        with contextlib.suppress(OSError):
            self._socket.close()
