"""Signatures of webhooks as the Standard Webhooks specification 1.0 has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
`v1,` and the base64 HMAC-SHA256 of `{id}.{timestamp}.{body}`; several signatures, separated by
spaces, while a secret is being changed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.errors import InvalidSignature

TOLERANCE = timedelta(minutes=5)
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's marker of a base64 secret
_VERSION = "v1"


def signed_headers(secret: str, event_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers that let a receiver trust `body`."""
    timestamp = str(int(now.timestamp()))
    signature = _sign(_key(secret), event_id, timestamp, body)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{_VERSION},{signature.decode('ascii')}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The event's id, when one of the signatures fits; raises `InvalidSignature` otherwise.

    Header names are in lower case. A timestamp more than `TOLERANCE` away from `now` is refused,
    so that a webhook that somebody recorded cannot be played again later.
    """
    try:
        event_id = headers["webhook-id"]
        timestamp = headers["webhook-timestamp"]
        given = headers["webhook-signature"]
        age = now.timestamp() - int(timestamp)
    except (KeyError, ValueError, OverflowError):
        message = "signature headers are missing or malformed"
        raise InvalidSignature(message) from None
    if abs(age) > TOLERANCE.total_seconds():
        message = "timestamp is too far from now"
        raise InvalidSignature(message)
    expected = _sign(_key(secret), event_id, timestamp, body)
    candidates = [part.split(",", 1) for part in given.split(" ") if "," in part]
    fits = [
        version == _VERSION and hmac.compare_digest(value.encode(), expected)
        for version, value in candidates
    ]
    if not any(fits):
        message = "no signature fits"
        raise InvalidSignature(message)
    return event_id


def _key(secret: str) -> bytes:
    if secret.startswith(_SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except binascii.Error:
            message = "the secret after whsec_ is not base64"
            raise ValueError(message) from None
    return secret.encode()


def _sign(key: bytes, event_id: str, timestamp: str, body: bytes) -> bytes:
    message = b"%s.%s.%s" % (event_id.encode(), timestamp.encode(), body)
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())
