-- Authority by number. An identity's epoch rises with everything that is taken from it, in the transaction that takes; a signer notes it
-- with what it decides by, and records only if it is the same under the lock. So recording compares a number instead of reading all
-- of request_authority again. A revocation or a blocked key may be anybody's, and is looked up.

ALTER TABLE identity ADD COLUMN epoch bigint NOT NULL DEFAULT 0;

-- By statement, or many rows of one identity would each write its row again.
CREATE FUNCTION epoch_raise(p_identities bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM identity WHERE id = ANY (p_identities) ORDER BY id FOR UPDATE; -- what is being recorded is waited for
	UPDATE identity SET epoch = epoch + 1 WHERE id = ANY (p_identities);
END $$;
CREATE FUNCTION epoch_of_holder() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM epoch_raise(ARRAY (SELECT DISTINCT identity FROM gone));
	RETURN NULL;
END $$;
CREATE FUNCTION epoch_of_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM epoch_raise(ARRAY (SELECT DISTINCT g.identity FROM gone g JOIN came c ON c.id = g.id
		WHERE c.status <> g.status OR c.identity <> g.identity));
	RETURN NULL;
END $$;
CREATE FUNCTION epoch_of_authorization() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM epoch_raise(ARRAY (SELECT DISTINCT a.identity FROM gone g JOIN acme_account a ON a.id = g.account));
	RETURN NULL;
END $$;
CREATE FUNCTION epoch_of_identity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM identity WHERE id = OLD.id FOR UPDATE;
	NEW.epoch := OLD.epoch + 1;
	RETURN NEW;
END $$;
CREATE TRIGGER identity_epoch BEFORE UPDATE ON identity FOR EACH ROW
	WHEN (NEW.state <> OLD.state OR NEW.kind <> OLD.kind) EXECUTE FUNCTION epoch_of_identity();
CREATE TRIGGER name_grant_epoch AFTER DELETE ON name_grant REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_holder();
CREATE TRIGGER name_grant_epoch_moved AFTER UPDATE ON name_grant REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_holder();
CREATE TRIGGER operator_role_epoch AFTER DELETE ON operator_role REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_holder();
CREATE TRIGGER operator_role_epoch_moved AFTER UPDATE ON operator_role REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_holder();
CREATE TRIGGER acme_account_epoch AFTER UPDATE ON acme_account REFERENCING OLD TABLE AS gone NEW TABLE AS came
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_account();
CREATE TRIGGER acme_account_epoch_gone AFTER DELETE ON acme_account REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_holder();
CREATE TRIGGER acme_authorization_epoch_gone AFTER DELETE ON acme_authorization REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_authorization();
CREATE TRIGGER acme_authorization_epoch AFTER UPDATE ON acme_authorization REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION epoch_of_authorization();

-- Epochs only rise: the sum of those whom a request rests on is the same only if each is.
CREATE FUNCTION approvers_epoch(p_request bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN (SELECT coalesce(sum(o.epoch), 0) FROM request_approval a JOIN identity o ON o.id = a.operator WHERE a.request = p_request);
END $$;

-- Is it a certificate of this identity, and not revoked? Asked of its request, which knows it without partitions.
CREATE FUNCTION certificate_lives(p_serial bytea, p_identity bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT 1 FROM issuance_request o WHERE o.serial = p_serial AND o.identity = p_identity)
		AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = p_serial);
END $$;

-- As before, and whose it is, with the epoch. A renewal mostly shows the certificate it renews, which is looked up once.
DROP VIEW request_authority;
CREATE VIEW request_authority AS
SELECT r.id, i.name AS identity_name, i.kind AS identity_kind, i.state AS identity_state,
	-- An operator who asks for others may as long as he has the role (admin/operations.c); what he renews is his own.
	CASE WHEN r.protocol = 'admin' AND r.requester <> r.identity AND NOT operator_may_ask(r.requester, i.kind) THEN 'blocked' ELSE p.state END AS requester_state,
	ARRAY (SELECT g.pattern FROM name_grant g WHERE g.identity = r.identity AND g.profile = r.profile ORDER BY g.pattern) AS grants,
	CASE WHEN r.acme_order IS NOT NULL THEN order_authorized(r.acme_order) END AS authorized,
	CASE WHEN r.acme_order IS NOT NULL THEN order_usable(r.acme_order, r.id, r.profile, r.identity, r.names) END AS order_usable,
	CASE WHEN r.renewed_from IS NULL THEN NULL
		WHEN r.renewed_from = r.proof_serial AND r.identity = r.requester THEN s.live
		ELSE certificate_lives(r.renewed_from, r.identity) END AS renewed_from_live,
	CASE WHEN r.proof_serial IS NOT NULL THEN s.live END AS shown_live,
	EXISTS (SELECT 1 FROM blocked_key k WHERE k.spki_hash = sha256(r.spki) OFFSET 0) AS key_blocked,
	CASE WHEN r.approvals_needed = 0 THEN 0 ELSE request_approvals(r.id, r.requester) END AS approvals,
	i.epoch + coalesce(p.epoch, 0) + CASE WHEN r.approvals_needed = 0 THEN 0 ELSE approvers_epoch(r.id) END AS epoch
FROM issuance_request r JOIN identity i ON i.id = r.identity LEFT JOIN identity p ON p.id = r.requester
-- OFFSET 0: EXISTS looks one row up and is never a hash of the whole table, which is what a plan made while it was small would be.
CROSS JOIN LATERAL (SELECT
	EXISTS (SELECT 1 FROM issuance_request o WHERE o.serial = r.proof_serial AND o.identity = r.requester OFFSET 0)
	AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = r.proof_serial OFFSET 0) AS live OFFSET 0) AS s;

-- Records certificates, each in the same place of the arrays: the request is done, and certificate, names and event are written. First what
-- authorises is held until the caller's transaction ends: p_holders, the identities who have these requests and who asked, whoever
-- approved, and the issuers. Then what was committed by whoever had to be waited for is seen, which is why each step is a statement
-- of its own; and only what is still authorised by what it was decided by (p_epochs of request_authority) is recorded: the result. An issuer that is retired
-- still certifies its responder, whose requests alone name their issuer: no role but by own_request() can write one; what else was
-- meant for one is held for a moment, by when the signer knows of it.
-- "done_at IS NULL" says pending without offering the index of pending rows: from its ever empty statistics the planner would join
-- every pending row with every array element. ANY (p_requests) makes it look each up.
DROP FUNCTION authority_lock(bigint[], smallint[]);
CREATE FUNCTION certificates_record(p_requests bigint[], p_epochs bigint[], p_holders bigint[], p_issuers smallint[], p_serials bytea[],
	p_not_before timestamptz[], p_not_after timestamptz[], p_ders bytea[], p_spki_hashes bytea[], p_actors text[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	recorded bigint;
BEGIN
	PERFORM 1 FROM identity i WHERE i.id = ANY (p_holders || ARRAY (
		SELECT a.operator FROM request_approval a WHERE a.request = ANY (p_requests))) ORDER BY i.id FOR KEY SHARE;
	PERFORM 1 FROM issuer s WHERE s.id = ANY (p_issuers) ORDER BY s.id FOR KEY SHARE;
	RETURN QUERY WITH r AS (
		UPDATE issuance_request q SET state = 'done', done_at = now(), serial = o.serial, cert_not_after = o.not_after
		FROM unnest(p_requests, p_epochs, p_issuers, p_serials, p_not_before, p_not_after, p_ders, p_spki_hashes, p_actors)
			AS o (request, epoch, issuer, serial, not_before, not_after, der, spki_hash, actor)
		JOIN issuer s ON s.id = o.issuer
		WHERE q.id = o.request AND q.id = ANY (p_requests) AND q.done_at IS NULL
			AND o.epoch = (SELECT i.epoch FROM identity i WHERE i.id = q.identity)
				+ coalesce((SELECT p.epoch FROM identity p WHERE p.id = q.requester), 0)
				+ CASE WHEN q.approvals_needed = 0 THEN 0 ELSE approvers_epoch(q.id) END
			AND (s.state = 'active' OR (s.state = 'retired' AND q.issuer IS NOT DISTINCT FROM s.name))
			AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = q.proof_serial OFFSET 0)
			AND (q.renewed_from IS NULL OR q.renewed_from IS NOT DISTINCT FROM q.proof_serial OR certificate_lives(q.renewed_from, q.identity))
			AND NOT EXISTS (SELECT 1 FROM blocked_key k WHERE k.spki_hash = sha256(q.spki) OFFSET 0)
		RETURNING q.id, q.identity, q.profile, q.names, q.request_id, q.protocol, q.renewed_from, o.issuer, o.serial, o.not_before,
			o.not_after, o.der, o.spki_hash, o.actor),
	c AS (
		INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, renewed_from, spki_hash, der)
		SELECT issuer, serial, not_after, not_before, identity, id, profile, renewed_from, spki_hash, der FROM r),
	n AS (INSERT INTO certificate_name (name, serial, not_after) SELECT DISTINCT unnest(names), serial, not_after FROM r),
	e AS (
		INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		SELECT actor, 'certificate.issue', encode(serial, 'hex'), 'ok', request_id,
			jsonb_build_object('profile', profile, 'names', names, 'identity', identity, 'protocol', protocol) FROM r)
	SELECT id FROM r;
	GET DIAGNOSTICS recorded = ROW_COUNT;
	IF recorded < cardinality(p_requests) THEN
		UPDATE issuance_request q SET state = 'held', hold = 'unavailable', hold_until = now() + interval '2 seconds',
			hold_reason = 'its issuing CA has been retired meanwhile'
		FROM unnest(p_requests, p_issuers) AS w (request, issuer) JOIN issuer s ON s.id = w.issuer
		WHERE q.id = w.request AND q.done_at IS NULL AND s.state <> 'active'
			AND NOT (s.state = 'retired' AND q.issuer IS NOT DISTINCT FROM s.name);
	END IF;
END $$;

-- A condition that is stored with a table is read again by each statement, which costs a lone request more than the row itself; one of
-- a policy is part of the plan. So what a front may open is a policy (before: a trigger). Functions of this schema write what they must.
DROP TRIGGER issuance_request_protocol ON issuance_request;
DROP FUNCTION refuse_protocol();
ALTER TABLE issuance_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON issuance_request FOR SELECT USING (true);
CREATE POLICY signer ON issuance_request FOR UPDATE TO chancery_signer USING (true);
CREATE POLICY gateway ON issuance_request FOR INSERT TO chancery_gateway
	WITH CHECK (protocol IN ('est', 'acme') AND proof <> 'local');
CREATE POLICY admin ON issuance_request FOR INSERT TO chancery_admin
	WITH CHECK (protocol = 'admin' AND proof <> 'local');

-- Two of three for what waits; a new row is written to each.
DROP INDEX issuance_request_pending;
DROP INDEX issuance_request_held_id;
CREATE INDEX issuance_request_open ON issuance_request (state, id) WHERE state = ANY ('{pending,held}'::text[]);
