"""The command line `kervan`. Each command imports what it needs when it is called."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

app = typer.Typer(
    name="kervan",
    help="Orders as durable workflows: run the stack, look after it, measure it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def dev() -> None:
    """Run PostgreSQL, Temporal, sandbox providers, worker and API on this machine."""
    from ops.stack.dev import run  # noqa: PLC0415
    from settings import load  # noqa: PLC0415

    raise typer.Exit(run(load()))


@app.command()
def demo(
    *,
    keep: Annotated[bool, typer.Option(help="Keep the data directory, and say where.")] = False,
) -> None:
    """Watch a handful of orders live their whole life on a private stack."""
    from ops.demo.run import run  # noqa: PLC0415

    raise typer.Exit(run(keep=keep))


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="A part: actions, orders, intake, stock. Repeatable.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="One object on stdout at the end.")] = False,
) -> None:
    """Measure what an order costs and how fast this machine is, on private stacks."""
    from ops.bench.run import run  # noqa: PLC0415

    raise typer.Exit(run(only or [], as_json=json))


replay = typer.Typer(help="Live through real order histories.", no_args_is_help=True)
app.add_typer(replay, name="replay")


@replay.command("olist")
def replay_olist(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The CSV files of Olist.")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many orders, with some of everything.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="One object on stdout at the end.")] = False,
) -> None:
    """Live every order of the files against the running stack, and compare the end with them."""
    from ops.replay.run import Options, run  # noqa: PLC0415
    from settings import load  # noqa: PLC0415

    raise typer.Exit(run(Options(directory, limit, as_json=json), load()))


@app.command()
def chaos(
    orders: Annotated[int, typer.Option(min=1, help="How many orders live meanwhile.")] = 150,
    kills: Annotated[int, typer.Option(min=0, help="How many times something is killed.")] = 15,
    seed: Annotated[int | None, typer.Option(help="Deals the same orders and blows again.")] = None,
    keep: Annotated[Path | None, typer.Option(help="A directory for data and logs.")] = None,
    *,
    stock: Annotated[
        bool, typer.Option("--stock", help="All orders at once for scarce goods; see the docs.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One object on stdout at the end.")] = False,
) -> None:
    """Kill everything in turn while orders live, and prove that nothing was lost."""
    from ops.chaos import run  # noqa: PLC0415
    from ops.chaos import stock as scarce  # noqa: PLC0415
    from ops.chaos.frame import Plan, any_seed  # noqa: PLC0415

    plan = Plan(orders, kills, any_seed() if seed is None else seed)
    raise typer.Exit((scarce if stock else run).run(plan, as_json=json, keep=keep))


@app.command()
def migrate() -> None:
    """Bring the database of KERVAN_DATABASE_URL to the newest schema."""
    from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415

    from db.migrate import MigrationError, migrate  # noqa: PLC0415
    from settings import load  # noqa: PLC0415

    try:
        applied = asyncio.run(migrate(load().database_url.get_secret_value()))
    except (MigrationError, InterfaceError, OSError, PostgresError) as error:
        typer.echo(f"migrate: {error}", err=True)
        raise typer.Exit(1) from error
    for name in applied:
        typer.echo(name)
    typer.echo(f"{len(applied)} applied, the schema is up to date", err=True)


@app.command()
def sandbox() -> None:
    """Run the sandbox providers alone, configured by KERVAN_SANDBOX_*."""
    import runpy  # noqa: PLC0415

    runpy.run_module("adapters.sandbox", run_name="__main__", alter_sys=True)


@app.command()
def seed() -> None:
    """Put a small catalog with stock into the shop at KERVAN_API_URL."""
    from ops.seed import WAREHOUSE, SeedError, seed  # noqa: PLC0415
    from settings import load  # noqa: PLC0415

    try:
        count = seed(load())
    except SeedError as error:
        typer.echo(f"seed: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{count} items with stock at {WAREHOUSE}")


keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.callback()
def _keys() -> None:
    """Keep `create` a command of its own while it is the only one."""


@keys.command()
def create(
    scope: Annotated[
        list[str], typer.Option(help="storefront, support, warehouse, reports, admin")
    ],
    name: Annotated[str, typer.Option(help="Whose key it is; stands in the timeline.")] = "cli",
) -> None:
    """Make a key, and print it: it is stored nowhere."""
    from asyncpg import InterfaceError, PostgresError  # noqa: PLC0415

    from ops.keys import UnknownScopeError  # noqa: PLC0415
    from ops.keys import create as create_key  # noqa: PLC0415
    from settings import load  # noqa: PLC0415

    try:
        typer.echo(asyncio.run(create_key(load(), name, scope)))
    except (UnknownScopeError, InterfaceError, OSError, PostgresError) as error:
        typer.echo(f"keys create: {error}", err=True)
        raise typer.Exit(1) from error


def main() -> None:
    """Run the command line; a setting that cannot be read is named, without a stack trace."""
    try:
        app()
    except ValidationError as error:
        if error.title not in {"Settings", "SandboxSettings"}:
            raise
        for problem in error.errors():
            variable = "KERVAN_" + "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"{variable}: {problem['msg']}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
