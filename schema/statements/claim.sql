-- The signer's side of the queue: a claim is an open transaction that holds row locks on its requests; if the signer dies,
-- the locks vanish.

-- name: claim_take
-- by: signer
-- in: most int8
-- out: id int8, protocol text, request_id text, profile text, identity int8, requester int8, names text[], spki bytea, not_before timestamptz,
-- out: not_after timestamptz, created_at timestamptz, acme_order text, renewed_from bytea, issuer text, identity_name text,
-- out: identity_kind text, identity_state text, requester_state text, grants text[], authorized text[], order_usable bool,
-- out: renewed_from_live bool, shown_live bool, key_blocked bool, approvals int8, epoch int8, role text
-- SKIP LOCKED keeps other signers off. What decides about a request is read here, and compared before anything is recorded. OFFSET 0: each
-- of it once; the planner would put what the view computes wherever it is named, and again for the whole row.
WITH q AS MATERIALIZED (
	SELECT id, protocol, request_id, profile, identity, requester, names, spki, not_before, not_after, created_at, acme_order, renewed_from, issuer,
		role
	FROM issuance_request WHERE state = 'pending' ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
SELECT q.id, q.protocol, q.request_id, q.profile, q.identity, q.requester, q.names, q.spki, q.not_before, q.not_after, q.created_at, q.acme_order,
	q.renewed_from, q.issuer, a.identity_name, a.identity_kind, a.identity_state, a.requester_state, a.grants,
	a.authorized, a.order_usable, a.renewed_from_live, a.shown_live, a.key_blocked, a.approvals, a.epoch,
	q.role::text AS role
FROM q CROSS JOIN LATERAL (SELECT * FROM request_authority a WHERE a.id = q.id OFFSET 0) AS a
ORDER BY q.id;

-- name: claim_relock
-- by: signer
-- in: ids int8[]
-- out: {result}
-- On another transaction, after a COMMIT without an answer: waits for whoever has them.
SELECT {result} FROM issuance_request r {result_certificate} WHERE r.id = ANY (:ids) ORDER BY r.id FOR UPDATE OF r;

-- name: claim_issue
-- by: signer
-- in: ids int8[], epochs int8[], holders int8[], issuers int2[], serials bytea[], not_before timestamptz[], not_after timestamptz[],
-- in: ders bytea[], spki_hashes bytea[], actors text[]
-- out: request int8
-- Those that were recorded.
SELECT certificates_record(:ids, :epochs, :holders, :issuers, :serials, :not_before, :not_after, :ders, :spki_hashes, :actors) AS request;

-- "done_at IS NULL" says pending without offering the index of pending rows: from its ever empty statistics the planner would join
-- every pending row with every array element.

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
