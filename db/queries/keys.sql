-- name: find_key
-- The key behind a hash, unless it was revoked.
SELECT id, name, scopes FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL;

-- name: create_key
INSERT INTO api_keys (id, name, key_hash, scopes) VALUES ($1, $2, $3, $4)
RETURNING id, name, scopes, created_at, revoked_at;

-- name: list_keys
-- Newest first, revoked ones included.
SELECT id, name, scopes, created_at, revoked_at FROM api_keys
WHERE $1::text IS NULL OR id < $1
ORDER BY id DESC LIMIT $2;

-- name: revoke_key
-- Revoking twice keeps the first time.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1
RETURNING id, name, scopes, created_at, revoked_at;
