-- The signer's side of the queue: a claim is an open transaction that holds row locks on its requests; if the signer dies,
-- the locks vanish.

-- name: claim_take
-- by: signer
-- in: most int8
-- out: id int8, protocol text, request_id text, profile text, identity int8, names text[], spki bytea, not_before timestamptz,
-- out: not_after timestamptz, created_at timestamptz, acme_order text, renewed_from bytea, issuer text, identity_name text,
-- out: identity_kind text, identity_state text, requester_state text, grants text[], authorized text[], order_usable bool,
-- out: renewed_from_live bool, shown_live bool, key_blocked bool, approvals int8, authority text, role text
-- SKIP LOCKED keeps other signers off. What decides about a request is read here, and compared before anything is recorded. OFFSET 0: each
-- of it once; the planner would put what the view computes wherever it is named, and again for the whole row.
WITH q AS MATERIALIZED (
	SELECT id, protocol, request_id, profile, identity, names, spki, not_before, not_after, created_at, acme_order, renewed_from, issuer,
		role
	FROM issuance_request WHERE state = 'pending' ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
SELECT q.id, q.protocol, q.request_id, q.profile, q.identity, q.names, q.spki, q.not_before, q.not_after, q.created_at, q.acme_order,
	q.renewed_from, q.issuer, i.name AS identity_name, i.kind AS identity_kind, a.identity_state, a.requester_state, a.grants,
	a.authorized, a.order_usable, a.renewed_from_live, a.shown_live, a.key_blocked, a.approvals, a::text AS authority,
	q.role::text AS role
FROM q JOIN identity i ON i.id = q.identity CROSS JOIN LATERAL (SELECT * FROM request_authority a WHERE a.id = q.id OFFSET 0) AS a
ORDER BY q.id;

-- name: claim_relock
-- by: signer
-- in: ids int8[]
-- out: {result}
-- On another transaction, after a COMMIT without an answer: waits for whoever has them.
SELECT {result} FROM issuance_request r {result_certificate} WHERE r.id = ANY (:ids) ORDER BY r.id FOR UPDATE OF r;

-- Recording: "done_at IS NULL" says pending without offering the index of pending rows: from its ever empty statistics the
-- planner would join every pending row with every array element.

-- name: claim_issue
-- by: signer
-- in: ids int8[], issuers int2[], serials bytea[], not_before timestamptz[], not_after timestamptz[], ders bytea[],
-- in: spki_hashes bytea[], actors text[], authorities text[]
-- out: request int8, recorded bool
-- What authorises each is locked and read first, whatever this statement's own snapshot says; only what it was decided by is
-- recorded.
WITH w AS MATERIALIZED (SELECT request, authority FROM authority_lock(:ids, :issuers)),
o AS MATERIALIZED (
	SELECT o.* FROM unnest(:ids::bigint[], :issuers::smallint[], :serials::bytea[], :not_before::timestamptz[],
		:not_after::timestamptz[], :ders::bytea[], :spki_hashes::bytea[], :actors::text[], :authorities::text[])
		AS o (id, issuer, serial, not_before, not_after, der, spki_hash, actor, authority)
	JOIN w ON w.request = o.id AND w.authority = o.authority),
r AS (
	UPDATE issuance_request q SET state = 'done', done_at = now(), serial = o.serial, cert_not_after = o.not_after
	FROM o WHERE q.id = o.id AND q.done_at IS NULL
	RETURNING q.id, q.identity, q.profile, q.names, q.request_id, q.protocol, q.renewed_from, o.issuer, o.serial, o.not_before,
		o.not_after, o.der, o.spki_hash, o.actor),
c AS (
	INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, renewed_from, spki_hash, der)
	SELECT issuer, serial, not_after, not_before, identity, id, profile, renewed_from, spki_hash, der FROM r),
n AS (INSERT INTO certificate_name (name, serial, not_after) SELECT DISTINCT unnest(names), serial, not_after FROM r),
a AS MATERIALIZED (
	SELECT id, audit_add(actor, 'certificate.issue', encode(serial, 'hex'), 'ok', request_id,
		jsonb_build_object('profile', profile, 'names', names, 'identity', identity, 'protocol', protocol)) FROM r)
SELECT w.request, a.id IS NOT NULL AS recorded FROM w LEFT JOIN a ON a.id = w.request;

-- name: claim_refuse
-- by: signer
-- in: ids int8[], classes text[], words text[], reasons text[], actors text[]
-- out: audit_add void
WITH o AS MATERIALIZED (
	SELECT * FROM unnest(:ids::bigint[], :classes::text[], :words::text[], :reasons::text[], :actors::text[])
		AS o (id, class, word, reason, actor)),
r AS (
	UPDATE issuance_request q SET state = 'refused', done_at = now(), refusal_class = o.class, refusal_word = o.word,
		refusal = o.reason
	FROM o WHERE q.id = o.id AND q.done_at IS NULL
	RETURNING q.profile, q.names, q.identity, q.request_id, q.protocol, o.word, o.reason, o.actor)
SELECT audit_add(actor, 'certificate.issue', '', 'refused', request_id, jsonb_build_object('profile', profile, 'names', names,
	'identity', identity, 'protocol', protocol, 'word', word, 'reason', reason)) FROM r;

-- name: claim_hold
-- by: signer
-- in: ids int8[], holds text[], until timestamptz[], reasons text[], needed int8[], actors text[]
-- out: audit_add void
-- Not now. A hold for approval is an event; one for want of an issuing CA is not, it may come every few seconds, and it takes no
-- approval back. What operators have approved since it was decided stays pending.
WITH o AS MATERIALIZED (
	SELECT * FROM unnest(:ids::bigint[], :holds::text[], :until::timestamptz[], :reasons::text[], :needed::bigint[],
		:actors::text[]) AS o (id, hold, until, reason, needed, actor)),
r AS (
	UPDATE issuance_request q SET state = 'held', hold = o.hold, hold_until = o.until, hold_reason = o.reason,
		approvals_needed = CASE o.hold WHEN 'approval' THEN o.needed ELSE q.approvals_needed END
	FROM o WHERE q.id = o.id AND q.done_at IS NULL
		AND (o.hold <> 'approval' OR request_approvals(q.id, q.requester) < o.needed)
	RETURNING q.id, q.profile, q.names, q.request_id, q.protocol, q.identity, o.hold, o.until, o.needed, o.actor)
SELECT audit_add(actor, 'request.hold', id::text, 'ok', request_id, jsonb_build_object('profile', profile, 'names', names,
	'identity', identity, 'protocol', protocol, 'needed', needed, 'until', until)) FROM r WHERE hold = 'approval';

-- name: claim_release
-- by: signer
-- in: most int8
-- What was held long enough is looked at again; what waited in vain for approval is refused then.
UPDATE issuance_request SET state = 'pending' WHERE id IN (
	SELECT id FROM issuance_request WHERE state = 'held' AND hold_until <= now() ORDER BY hold_until LIMIT :most
	FOR UPDATE SKIP LOCKED);
