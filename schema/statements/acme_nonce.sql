-- Nonces used up (RFC 8555 section 6.5), and the keys they are made with.

-- name: acme_nonce_newest
-- by: gateway
-- in: most int8
-- out: id int8, key bytea, created_at timestamptz
SELECT id, key, created_at FROM acme_nonce_key ORDER BY id DESC LIMIT :most;

-- name: acme_nonce_make
-- by: gateway
-- in: key bytea
-- Two gateways may both make one: harmless.
INSERT INTO acme_nonce_key (key) VALUES (:key);

-- name: acme_nonce_use
-- by: gateway
-- in: nonce bytea, expires timestamptz, mark bytea
-- out: known bool, used bool
WITH k AS MATERIALIZED (SELECT 1 FROM acme_nonce_key WHERE substr(sha256(key), 1, 8) = :mark::bytea),
n AS (
	INSERT INTO acme_nonce_used (nonce, expires) SELECT :nonce::bytea, :expires::timestamptz WHERE EXISTS (SELECT 1 FROM k)
	ON CONFLICT DO NOTHING RETURNING 1)
SELECT EXISTS (SELECT 1 FROM k) AS known, EXISTS (SELECT 1 FROM n) AS used;

-- name: acme_nonce_sweep
-- by: gateway
-- out: acme_nonce_sweep void
SELECT acme_nonce_sweep();
