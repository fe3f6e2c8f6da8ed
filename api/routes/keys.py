"""API keys, for administrators."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import ADMIN, admit, services
from api.errors import Answer, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.schemas.answers import ApiKeyOut, NewApiKeyOut, PageOut
from api.schemas.requests import ApiKeyIn
from db import keys
from db.pool import Connection

router = APIRouter(tags=["admin"])


@router.post(
    "/v1/api-keys",
    **describe(
        "Make a key",
        NewApiKeyOut,
        status=201,
        body=ApiKeyIn,
        example={"name": "webshop", "scopes": ["storefront"]},
        idempotent=False,
        scopes=ADMIN,
    ),
)
async def create_key(request: Request) -> Response:
    """Make a key; the answer shows it this once.

    With an Idempotency-Key a repeated request is told that the key exists, without the secret,
    which is stored nowhere.
    """
    caller = await admit(request, ADMIN)
    own, idempotent = services(request), idempotency_key(request)
    parsed = await parse(request, ApiKeyIn)
    secret = ""

    async def effect(conn: Connection, _: str) -> Answer:
        nonlocal secret
        made, secret = await keys.create(conn, parsed.value.name, parsed.value.scopes)
        return views.ok({**asdict(made), "key": None}, 201)

    once = Once(own, caller, parsed.request_hash, idempotent)
    answer = await once.do(effect, cause="")
    if secret:
        shown = views.dumps(secret)
        answer = Answer(answer.status, answer.body.removesuffix(b"null}") + shown + b"}")
    return answer.response()


@router.get("/v1/api-keys", **describe("Keys, newest first", PageOut[ApiKeyOut], scopes=ADMIN))
async def list_keys(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """All keys, revoked ones included; never the keys themselves."""
    await admit(request, ADMIN)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await keys.newest(conn, place[0] if place else None, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row.id))
    return views.ok(views.page([asdict(row) for row in rows], following)).response()


@router.delete(
    "/v1/api-keys/{key_id}",
    **describe("Revoke a key", ApiKeyOut, problems=(404,), scopes=ADMIN),
)
async def revoke_key(request: Request, key_id: str) -> Response:
    """Take a key back; it is refused everywhere after at most five seconds."""
    await admit(request, ADMIN)
    async with services(request).pool.acquire() as conn:
        revoked = await keys.revoke(conn, known_id(key_id, "key"))
    if revoked is None:
        raise not_found("key")
    return views.ok(asdict(revoked)).response()
