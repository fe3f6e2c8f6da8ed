-- name: claim_key
-- The first write of a transaction: whoever comes second waits here for the first to commit.
INSERT INTO idempotency_keys (actor, key, request_hash, response) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, key) DO NOTHING
RETURNING true;

-- name: read_key
SELECT request_hash, status, response FROM idempotency_keys WHERE actor = $1 AND key = $2;

-- name: store_claim
-- What a claim has made (ids), so that a repeated request goes on with the same.
UPDATE idempotency_keys SET response = $3 WHERE actor = $1 AND key = $2 AND status IS NULL;

-- name: forget_old
-- Keys that nobody will repeat any more; a few at a time, and never those another process deletes.
DELETE FROM idempotency_keys WHERE (actor, key) IN (
    SELECT actor, key FROM idempotency_keys WHERE created_at < now() - $1::interval
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED);

-- name: store_answer
-- The answer of a claimed key, unless a twin of the request stored it first.
UPDATE idempotency_keys SET status = $3, response = $4
WHERE actor = $1 AND key = $2 AND status IS NULL
RETURNING true;

-- name: claim_keys
-- Keys of requests that are carried out together; those that are known are left out.
INSERT INTO idempotency_keys (actor, key, request_hash)
SELECT k.actor, k.key, k.request_hash
FROM unnest($1::text[], $2::text[], $3::bytea[]) AS k (actor, key, request_hash)
ORDER BY k.actor, k.key
ON CONFLICT (actor, key) DO NOTHING
RETURNING actor, key;

-- name: store_answers
UPDATE idempotency_keys k SET status = a.status, response = a.response
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[]) AS a (actor, key, status, response)
WHERE k.actor = a.actor AND k.key = a.key;
