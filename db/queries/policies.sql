-- name: add_policy_change
INSERT INTO policy_changes (policy, actor, role, before, after) VALUES ($1, $2, $3, $4, $5);

-- name: list_policy_changes
-- Changes of a policy, newest first.
SELECT id, actor, role, before, after, occurred_at FROM policy_changes
WHERE policy = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3;
