"""What the sandbox answers when it will not do a thing (RFC 9457, with a stable `code`)."""

from http import HTTPStatus


class Problem(Exception):
    """An answer that is not a result. `detail` is for people, `code` for programs."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail


def not_found(what: str) -> Problem:
    """There is no such `what`."""
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"There is no such {what}.")


def key_reused() -> Problem:
    """The idempotency key was used for something else."""
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "idempotency_key_reused",
        "This Idempotency-Key was used before with other parameters.",
    )
