-- name: put_supplier
INSERT INTO suppliers (code, name, email, locale, currency, lead_time_days, over_delivery_bp, active)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, email = excluded.email,
    locale = excluded.locale, currency = excluded.currency,
    lead_time_days = excluded.lead_time_days, over_delivery_bp = excluded.over_delivery_bp,
    active = excluded.active, updated_at = now()
RETURNING code, name, email, locale, currency, lead_time_days, over_delivery_bp, active,
    created_at, updated_at;

-- name: list_suppliers
SELECT code, name, email, locale, currency, lead_time_days, over_delivery_bp, active, created_at,
    updated_at
FROM suppliers
WHERE ($1::text IS NULL OR code = $1) AND ($2::text IS NULL OR code > $2)
ORDER BY code LIMIT $3;

-- name: lock_supplier
-- Two buyers who order what is low from one supplier do it one after the other.
SELECT code, currency, lead_time_days, active FROM suppliers WHERE code = $1 FOR NO KEY UPDATE;

-- name: priced_otherwise
-- Whether the supplier sells something in another currency.
SELECT EXISTS (SELECT FROM item_suppliers WHERE supplier = $1 AND currency <> $2);

-- name: unprefer
-- Another supplier of the item is preferred from now on.
UPDATE item_suppliers SET preferred = false, updated_at = now()
WHERE sku = $1 AND supplier <> $2 AND preferred;

-- name: put_terms
INSERT INTO item_suppliers
    (sku, supplier, supplier_sku, lead_time_days, unit_cost, currency, moq, pack_size, preferred)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (sku, supplier) DO UPDATE SET supplier_sku = excluded.supplier_sku,
    lead_time_days = excluded.lead_time_days, unit_cost = excluded.unit_cost,
    currency = excluded.currency, moq = excluded.moq, pack_size = excluded.pack_size,
    preferred = excluded.preferred, updated_at = now()
RETURNING sku, supplier, supplier_sku, lead_time_days, unit_cost, currency, moq, pack_size,
    preferred, created_at, updated_at;

-- name: list_terms
-- What a supplier sells, by item.
SELECT sku, supplier, supplier_sku, lead_time_days, unit_cost, currency, moq, pack_size, preferred,
    created_at, updated_at
FROM item_suppliers WHERE supplier = $1 AND ($2::text IS NULL OR sku > $2)
ORDER BY sku LIMIT $3;

-- name: terms_of
-- On which terms a supplier sells these items.
SELECT t.sku, t.supplier_sku, t.unit_cost, coalesce(t.lead_time_days, s.lead_time_days) AS lead_time_days
FROM item_suppliers t JOIN suppliers s ON s.code = t.supplier
WHERE t.supplier = $1 AND t.sku = ANY($2::text[]);
