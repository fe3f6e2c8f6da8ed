"""A policy that stands in rows, over HTTP: read by staff, replaced by admins, each change told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from api import paging, views
from api.body import parse
from api.deps import ADMIN, SUPPORT, admit, services
from api.errors import invalid
from api.schemas.policies import PolicyIn
from db import policies
from db.pool import Connection
from db.sourcing import Author


@dataclass(frozen=True, slots=True)
class Policy:
    """`name` is its changes' in `db.policies`, `body` what is sent; the others are its rows'."""

    name: str
    body: type[PolicyIn]
    rules: Callable[[Connection], Awaitable[Any]]
    put_rules: Callable[[Connection, Any, Author], Awaitable[None]]
    rules_data: Callable[[Any], dict[str, Any]]

    async def show(self, request: Request) -> Response:
        """The rules as they are."""
        await admit(request, SUPPORT)
        async with services(request).pool.acquire() as conn:
            known = await self.rules(conn)
        return views.ok(self.rules_data(known)).response()

    async def replace(self, request: Request) -> Response:
        """All rules by those that are sent; the same again changes nothing."""
        caller = await admit(request, ADMIN)
        body = (await parse(request, self.body)).value
        if errors := body.wrong():
            raise invalid(errors)
        async with services(request).pool.acquire() as conn, conn.transaction():
            await self.put_rules(conn, body.known, Author(caller.name, caller.role))
        return views.ok(self.rules_data(body.known)).response()

    async def changes(self, request: Request, limit: int, cursor: str | None) -> Response:
        """A page of who changed what, and what it was before, newest first."""
        await admit(request, SUPPORT)
        place = paging.decode(cursor, int)
        async with services(request).pool.acquire() as conn:
            before = place[0] if place else None
            found = await policies.changes(conn, self.name, before, limit + 1)
        rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
        page = views.page([{**row, "id": str(row["id"])} for row in rows], following)
        return views.ok(page).response()
