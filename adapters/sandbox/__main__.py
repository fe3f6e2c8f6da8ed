"""`python -m adapters.sandbox`: the sandbox providers as a process of their own.

A composition root: reads `KERVAN_SANDBOX_*` and `KERVAN_API_URL`. `KERVAN_SANDBOX_HOST` is where
it listens (loopback by default), `KERVAN_SANDBOX_PUBLIC_URL` where customers reach it.
"""

import logging
import socket

import structlog
import uvicorn

from adapters.sandbox.service.app import Config, create_app
from settings import Settings

_SECONDS_TO_FINISH = 3


class SandboxSettings(Settings):
    """The settings of this process alone, beside the shared ones."""

    sandbox_host: str = "127.0.0.1"
    sandbox_public_url: str = ""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = SandboxSettings()
    # Ours goes through structlog; of the libraries only what is wrong is worth a line.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    if settings.log_format == "json":
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ]
        )
    app = create_app(
        Config(
            data=settings.sandbox_data,
            key=settings.sandbox_key.get_secret_value(),
            webhook_url=settings.sandbox_webhook_url or settings.api_url,
            webhook_secret=settings.sandbox_webhook_secret.get_secret_value(),
            speed=settings.sandbox_speed,
            public_url=settings.sandbox_public_url,
        )
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )
    with socket.create_server((settings.sandbox_host, settings.sandbox_port)) as listener:
        host, port = listener.getsockname()[:2]
        structlog.get_logger().info(
            "sandbox_serves", url=f"http://{host}:{port}", speed=settings.sandbox_speed
        )
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
