"""A reserved port can be taken by the server it is meant for, and by nobody else."""

import socket

import pytest

from ops.stack.ports import PortReservation, PortTakenError


def listener(port: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_server_can_listen_on_the_reserved_port_again_and_again() -> None:
    with PortReservation() as reservation:
        for _ in range(2):
            with (
                listener(reservation.port),
                socket.create_connection(("127.0.0.1", reservation.port), timeout=5),
            ):
                pass


def test_no_other_reservation_is_given_the_same_port() -> None:
    reservations = [PortReservation() for _ in range(200)]
    assert len({reservation.port for reservation in reservations}) == 200
    for reservation in reservations:
        reservation.release()


def test_a_port_that_somebody_listens_on_is_refused_with_the_variable_to_change() -> None:
    with listener(0) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} .* set KERVAN_API_PORT"):
            PortReservation(port, variable="KERVAN_API_PORT")
