-- What is taken away is gone. A request names what authorises it: identity, whoever asked, the certificate that was shown, the
-- certificate that is renewed, grants, order, account and authorizations, approvals. A signer decides by request_authority and
-- asks again, with authority_lock(), in the transaction that records. Whatever takes authority away locks the same rows for
-- update first: the identity's; all issuers' where a key is concerned, which may be anybody's, or an issuer's own. Always
-- identities before issuers, each in the order of its ids, and both before any row of revocation, those in the order of serials. So one of the two waits for the other, and after the commit of what
-- takes away nothing is recorded that it had authorised.

-- What each operator may do; the table of operations says which role an operation wants (admin/operations.c).

CREATE TABLE operator_role (
	identity    bigint NOT NULL REFERENCES identity,
	role        text NOT NULL,
	granted_by  text NOT NULL,
	granted_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (identity, role)
);
-- Operators of before keep what they could do.
INSERT INTO operator_role (identity, role, granted_by)
	SELECT i.id, w.role, 'schema' FROM identity i CROSS JOIN (VALUES ('administrator'), ('officer')) AS w (role) WHERE i.kind = 'operator';

-- Keys that nobody may have a certificate for again, in no protocol.
CREATE TABLE blocked_key (
	spki_hash   bytea PRIMARY KEY CHECK (length(spki_hash) = 32),  -- SHA-256 of the SubjectPublicKeyInfo
	serial      bytea NOT NULL,                 -- of the certificate that was said to be compromised
	blocked_at  timestamptz NOT NULL DEFAULT now(),
	actor       text NOT NULL
);

-- What a certificate was the authority for.
CREATE INDEX issuance_request_shown ON issuance_request (proof_serial) WHERE proof_serial IS NOT NULL;
CREATE INDEX issuance_request_renewed ON issuance_request (renewed_from)
	WHERE renewed_from IS NOT NULL AND renewed_from IS DISTINCT FROM proof_serial;

-- A key that refers to a row locks it: these two locked the issuer's after rows of revocation, against the order above. Only functions
-- write here, with the issuer of a certificate.
ALTER TABLE revocation DROP CONSTRAINT revocation_issuer_fkey;
ALTER TABLE crl_dirty DROP CONSTRAINT crl_dirty_issuer_fkey;

-- Approvals by operators who still may approve. Those of whoever asked do not count.
CREATE VIEW request_approver AS
SELECT a.request, a.operator FROM request_approval a JOIN identity o ON o.id = a.operator
WHERE o.state = 'active' AND o.kind = 'operator'
	AND EXISTS (SELECT 1 FROM operator_role w WHERE w.identity = a.operator AND w.role = 'officer');
CREATE OR REPLACE FUNCTION request_approvals(p_request bigint, p_requester bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN (SELECT count(*) FROM request_approver a WHERE a.request = p_request AND a.operator IS DISTINCT FROM p_requester);
END $$;

-- What few requests need is in functions: PostgreSQL prepares each subquery of a view for every statement that reads it, needed or
-- not, and that is most of what a lone request costs. They see what the statement sees (STABLE).
CREATE FUNCTION operator_may_ask(p_operator bigint, p_for text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN EXISTS (SELECT 1 FROM operator_role w WHERE w.identity = p_operator
		AND w.role = CASE WHEN p_for IN ('operator', 'service') THEN 'administrator' ELSE 'officer' END);
END $$;
CREATE FUNCTION order_authorized(p_order text) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN ARRAY (
		SELECT z.name FROM acme_order o
		JOIN acme_authorization_state z ON z.id = ANY (o.authorizations) AND z.account = o.account
		WHERE o.id = p_order AND z.state = 'valid' ORDER BY z.name);
END $$;
CREATE FUNCTION order_usable(p_order text, p_request bigint, p_profile text, p_identity bigint, p_names text[]) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN EXISTS (
		SELECT 1 FROM acme_order o JOIN acme_account a ON a.id = o.account
		WHERE o.id = p_order AND o.request = p_request AND o.profile = p_profile AND a.identity = p_identity
			AND a.status = 'valid' AND o.identifiers @> p_names AND o.identifiers <@ p_names);
END $$;

-- Facts that authorise a request, as they are now. Compared as one text: whatever is added here is asked again by itself.
-- OFFSET 0: EXISTS looks one row up and is never a hash of the whole table, which is what a plan made while it was small would be.
CREATE VIEW request_authority AS
SELECT r.id, i.state AS identity_state,
	-- An operator who asks for others may as long as he has the role (admin/operations.c); what he renews is his own.
	CASE WHEN r.protocol = 'admin' AND r.requester <> r.identity AND NOT operator_may_ask(r.requester, i.kind) THEN 'blocked' ELSE p.state END AS requester_state,
	ARRAY (SELECT g.pattern FROM name_grant g WHERE g.identity = r.identity AND g.profile = r.profile ORDER BY g.pattern) AS grants,
	CASE WHEN r.acme_order IS NOT NULL THEN order_authorized(r.acme_order) END AS authorized,
	CASE WHEN r.acme_order IS NOT NULL THEN order_usable(r.acme_order, r.id, r.profile, r.identity, r.names) END AS order_usable,
	-- Whether the certificate being renewed lives is asked of its request, which knows it without partitions.
	CASE WHEN r.renewed_from IS NOT NULL THEN
		EXISTS (SELECT 1 FROM issuance_request o WHERE o.serial = r.renewed_from AND o.identity = r.identity OFFSET 0)
		AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = r.renewed_from OFFSET 0) END AS renewed_from_live,
	CASE WHEN r.proof_serial IS NOT NULL THEN -- it is of whoever asked, whatever a front end says
		EXISTS (SELECT 1 FROM issuance_request o WHERE o.serial = r.proof_serial AND o.identity = r.requester OFFSET 0)
		AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = r.proof_serial OFFSET 0) END AS shown_live,
	EXISTS (SELECT 1 FROM blocked_key k WHERE k.spki_hash = sha256(r.spki) OFFSET 0) AS key_blocked,
	CASE WHEN r.approvals_needed = 0 THEN 0 ELSE request_approvals(r.id, r.requester) END AS approvals
FROM issuance_request r JOIN identity i ON i.id = r.identity LEFT JOIN identity p ON p.id = r.requester;

-- Holds what authorises these requests until the caller's transaction ends, and says what it is then: request_authority as a
-- text, NULL where the issuer (of the same place) is not active; one that is retired still certifies its responder, whose requests
-- alone name their issuer: no role but by own_request() can write one. Where it is not, the request is held for a moment, by when the
-- signer knows of it. A statement of its own for each step, so that the last one
-- sees what was committed by whoever had to be waited for.
-- plpgsql and not sql: a SECURITY DEFINER function in sql is planned anew by every call, which costs 150 us a batch.
DROP FUNCTION identity_lock(bigint[]);
CREATE FUNCTION authority_lock(p_requests bigint[], p_issuers smallint[]) RETURNS TABLE (request bigint, authority text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM identity i WHERE i.id IN (
		SELECT r.identity FROM issuance_request r WHERE r.id = ANY (p_requests)
		UNION SELECT r.requester FROM issuance_request r WHERE r.id = ANY (p_requests)
		UNION SELECT a.operator FROM request_approval a WHERE a.request = ANY (p_requests)) ORDER BY i.id FOR KEY SHARE;
	PERFORM 1 FROM issuer s WHERE s.id = ANY (p_issuers) ORDER BY s.id FOR KEY SHARE;
	RETURN QUERY SELECT w.request, CASE WHEN s.state = 'active' OR (s.state = 'retired' AND EXISTS (
			SELECT 1 FROM issuance_request r WHERE r.id = w.request AND r.issuer = s.name)) THEN a::text END
		FROM unnest(p_requests, p_issuers) AS w (request, issuer)
		JOIN request_authority a ON a.id = w.request JOIN issuer s ON s.id = w.issuer;
	IF EXISTS (SELECT 1 FROM issuer s WHERE s.id = ANY (p_issuers) AND s.state <> 'active') THEN
		UPDATE issuance_request q SET state = 'held', hold = 'unavailable', hold_until = now() + interval '2 seconds',
			hold_reason = 'its issuing CA has been retired meanwhile'
		FROM unnest(p_requests, p_issuers) AS w (request, issuer) JOIN issuer s ON s.id = w.issuer
		WHERE q.id = w.request AND q.done_at IS NULL
			AND NOT (s.state = 'active' OR (s.state = 'retired' AND q.issuer IS NOT DISTINCT FROM s.name));
	END IF;
END $$;

-- What changes an issuer's state waits for the certificates that are just being recorded, and the other way round.
CREATE OR REPLACE FUNCTION issuer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.state IS DISTINCT FROM OLD.state THEN
		PERFORM 1 FROM chancery.issuer WHERE id = OLD.id FOR UPDATE;
	END IF;
	NEW.xid := pg_current_xact_id();
	RETURN NEW;
END $$;

-- The keys of these certificates are compromised: nobody gets a certificate for one of them again, and whatever lives with one
-- is revoked too, whose ever it is; those are the result. Recording waits meanwhile, all of it: it is short, and rare.
CREATE FUNCTION key_block(p_serials bytea[], p_actor text, p_request_id text) RETURNS bytea[]
LANGUAGE plpgsql SET search_path = chancery, pg_temp AS $$
DECLARE
	others bytea[];
BEGIN
	PERFORM 1 FROM issuer ORDER BY id FOR UPDATE;
	INSERT INTO blocked_key (spki_hash, serial, actor)
		SELECT DISTINCT ON (r.spki) sha256(r.spki), r.serial, p_actor FROM issuance_request r WHERE r.serial = ANY (p_serials)
		ON CONFLICT DO NOTHING;
	WITH gone AS (
			INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
			SELECT DISTINCT c.serial, c.issuer, c.crl_shard, now(), 1, c.not_after, p_actor
			FROM issuance_request r JOIN issuance_request o ON o.spki = r.spki
			JOIN certificate c ON c.serial = o.serial AND c.not_after = o.cert_not_after
			WHERE r.serial = ANY (p_serials) AND c.not_after > now() ORDER BY c.serial
			ON CONFLICT (serial) DO UPDATE SET reason = 1, xid = pg_current_xact_id()
				WHERE revocation.reason IS DISTINCT FROM 1
			RETURNING serial, issuer, crl_shard),
		dirty AS (INSERT INTO crl_dirty (issuer, crl_shard) SELECT DISTINCT issuer, crl_shard FROM gone),
		told AS (
			INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
			SELECT p_actor, 'certificate.revoke', encode(serial, 'hex'), 'ok', p_request_id,
				jsonb_build_object('reason', 1, 'same_key_as', encode(p_serials[1], 'hex'))
			FROM gone WHERE serial <> ALL (p_serials))
	SELECT coalesce(array_agg(serial) FILTER (WHERE serial <> ALL (p_serials)), '{}') INTO others FROM gone;
	RETURN others;
END $$;

-- One certificate. outcome: 'ok', 'raised' (was revoked before, and is so now because its key is compromised), 'already', or
-- 'unknown'. A reason may rise to keyCompromise (1), and never falls. others: the certificates that went with it for their key.
DROP FUNCTION certificate_revoke(bytea, smallint, text, text);
CREATE FUNCTION certificate_revoke(p_serial bytea, p_reason smallint, p_actor text, p_request_id text,
	OUT outcome text, OUT others bytea[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	c record;
BEGIN
	others := '{}';
	SELECT c1.issuer, c1.crl_shard, c1.not_after, c1.identity INTO c FROM issuance_request r
		JOIN certificate c1 ON c1.serial = r.serial AND c1.not_after = r.cert_not_after WHERE r.serial = p_serial;
	IF NOT FOUND THEN
		outcome := 'unknown';
		RETURN;
	END IF;
	PERFORM 1 FROM identity WHERE id = c.identity FOR UPDATE;
	IF p_reason = 1 THEN
		PERFORM 1 FROM issuer ORDER BY id FOR UPDATE;
	END IF;
	INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
		VALUES (p_serial, c.issuer, c.crl_shard, now(), p_reason, c.not_after, p_actor)
		ON CONFLICT (serial) DO NOTHING;
	outcome := CASE WHEN FOUND THEN 'ok' ELSE 'already' END;
	IF outcome = 'already' AND p_reason = 1 THEN
		UPDATE revocation SET reason = 1, xid = pg_current_xact_id() WHERE serial = p_serial AND reason IS DISTINCT FROM 1;
		outcome := CASE WHEN FOUND THEN 'raised' ELSE 'already' END;
	END IF;
	IF outcome = 'already' THEN
		RETURN;
	END IF;
	INSERT INTO crl_dirty (issuer, crl_shard) VALUES (c.issuer, c.crl_shard);
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'certificate.revoke', encode(p_serial, 'hex'), 'ok', p_request_id,
			jsonb_build_object('reason', p_reason, 'identity', c.identity, 'raised', outcome = 'raised'));
	IF p_reason = 1 THEN
		others := key_block(ARRAY[p_serial], p_actor, p_request_id);
	END IF;
END $$;

-- A certificate and everything that was asked for with it, or with one of those, or that renews one.
CREATE FUNCTION certificate_line(p_serial bytea) RETURNS bytea[]
LANGUAGE plpgsql STABLE SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN (WITH RECURSIVE l AS (
		SELECT p_serial AS serial
		UNION
		SELECT r.serial FROM l CROSS JOIN LATERAL (
			SELECT o.serial FROM issuance_request o WHERE o.proof_serial = l.serial AND o.serial IS NOT NULL
			UNION ALL
			SELECT o.serial FROM issuance_request o WHERE o.renewed_from = l.serial
				AND o.renewed_from IS DISTINCT FROM o.proof_serial AND o.serial IS NOT NULL) AS r)
	SELECT array_agg(serial) FROM l);
END $$;

-- The whole line. Recording waits meanwhile, so that nothing is added to it behind its back. outcome: 'ok', or 'unknown'. others: what was revoked besides.
CREATE FUNCTION certificate_revoke_line(p_serial bytea, p_reason smallint, p_actor text, p_request_id text,
	OUT outcome text, OUT others bytea[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	line bytea[];
	same bytea[];
BEGIN
	others := '{}';
	PERFORM 1 FROM issuer ORDER BY id FOR UPDATE;
	IF NOT EXISTS (SELECT 1 FROM issuance_request WHERE serial = p_serial) THEN
		outcome := 'unknown';
		RETURN;
	END IF;
	line := certificate_line(p_serial);
	WITH gone AS (
			INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
			SELECT c.serial, c.issuer, c.crl_shard, now(), p_reason, c.not_after, p_actor
			FROM issuance_request r JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after
			WHERE r.serial = ANY (line) AND (c.not_after > now() OR c.serial = p_serial) ORDER BY c.serial
			ON CONFLICT (serial) DO UPDATE SET reason = 1, xid = pg_current_xact_id()
				WHERE p_reason = 1 AND revocation.reason IS DISTINCT FROM 1
			RETURNING serial, issuer, crl_shard),
		dirty AS (INSERT INTO crl_dirty (issuer, crl_shard) SELECT DISTINCT issuer, crl_shard FROM gone),
		told AS (
			INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
			SELECT p_actor, 'certificate.revoke', encode(serial, 'hex'), 'ok', p_request_id,
				jsonb_build_object('reason', p_reason, 'line_of', encode(p_serial, 'hex')) FROM gone)
	SELECT coalesce(array_agg(serial) FILTER (WHERE serial <> p_serial), '{}') INTO others FROM gone;
	IF p_reason = 1 THEN
		same := key_block(line, p_actor, p_request_id);
		others := others || same;
	END IF;
	outcome := 'ok';
END $$;

-- An account is closed by its client (RFC 8555 section 7.3.6). True when this call did it.
CREATE FUNCTION acme_account_move(p_id text, p_seen text, p_status text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i record;
BEGIN
	SELECT n.name INTO i FROM identity n JOIN acme_account a ON a.identity = n.id WHERE a.id = p_id FOR UPDATE OF n;
	UPDATE acme_account SET status = p_status, xid = pg_current_xact_id() WHERE id = p_id AND status = p_seen;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome) VALUES (i.name, 'acme.account.move', p_id, 'ok');
	RETURN true;
END $$;

-- An account gets another key (RFC 8555 section 7.3.5). Result: 'ok', 'used' (the new key has an account), 'old' (the old key is not the
-- account's, or the account is closed).
CREATE FUNCTION acme_account_set_key(p_id text, p_old bytea, p_new bytea, p_jwk jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	violated text;
BEGIN
	UPDATE acme_account SET thumbprint = p_new, jwk = p_jwk, xid = pg_current_xact_id()
		WHERE id = p_id AND thumbprint = p_old AND status = 'valid' RETURNING identity INTO i;
	IF NOT FOUND THEN
		RETURN 'old';
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome)
		VALUES ((SELECT name FROM identity WHERE id = i), 'acme.account.key-change', p_id, 'ok');
	RETURN 'ok';
EXCEPTION WHEN unique_violation THEN
	GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
	IF violated <> 'acme_account_thumbprint_key' THEN
		RAISE;
	END IF;
	RETURN 'used';
END $$;

-- An authorization is given back by its client (RFC 8555 section 7.5.2). True when this call did it.
CREATE FUNCTION acme_authorization_deactivate(p_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM identity n JOIN acme_account a ON a.identity = n.id JOIN acme_authorization z ON z.account = a.id
		WHERE z.id = p_id FOR UPDATE OF n;
	UPDATE acme_authorization z SET deactivated_at = now() FROM acme_authorization_state s
		WHERE z.id = p_id AND z.deactivated_at IS NULL AND s.id = z.id AND s.state IN ('pending', 'valid');
	RETURN FOUND;
END $$;

-- As before, and with keyCompromise the leaver's keys are blocked.
CREATE OR REPLACE FUNCTION identity_offboard(p_name text, p_reason smallint, p_actor text, p_request_id text,
	OUT outcome text, OUT revoked bigint, OUT accounts bigint, OUT requests bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	live bytea[];
BEGIN
	revoked := 0; accounts := 0; requests := 0;
	SELECT id INTO i FROM identity WHERE name = p_name FOR UPDATE;
	IF NOT FOUND THEN
		outcome := 'unknown';
		RETURN;
	END IF;
	UPDATE identity SET state = 'blocked', changed_at = now(), xid = pg_current_xact_id()
		WHERE id = i AND state = 'active';
	IF p_reason = 1 THEN
		PERFORM 1 FROM issuer ORDER BY id FOR UPDATE;
	END IF;
	WITH gone AS (
		INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
			SELECT c.serial, c.issuer, c.crl_shard, now(), p_reason, c.not_after, p_actor
			FROM certificate c WHERE c.identity = i AND c.not_after > now() ORDER BY c.serial
			ON CONFLICT (serial) DO NOTHING
			RETURNING issuer, crl_shard),
	dirty AS (INSERT INTO crl_dirty (issuer, crl_shard) SELECT DISTINCT issuer, crl_shard FROM gone)
	SELECT count(*) INTO revoked FROM gone;
	IF p_reason = 1 THEN
		SELECT array_agg(c.serial) INTO live FROM certificate c WHERE c.identity = i AND c.not_after > now();
		revoked := revoked + cardinality(key_block(live, p_actor, p_request_id));
	END IF;
	UPDATE acme_account SET status = 'revoked', xid = pg_current_xact_id() WHERE identity = i AND status = 'valid';
	GET DIAGNOSTICS accounts = ROW_COUNT;
	-- Found by two partial indexes, so by two look-ups. What a signer has claimed is skipped: waiting for it would be waiting for
	-- the HSM; authority_lock() tells it.
	WITH waiting AS MATERIALIZED (
			SELECT id FROM issuance_request WHERE identity = i AND state = 'pending' FOR UPDATE SKIP LOCKED),
		held AS MATERIALIZED (
			SELECT id FROM issuance_request WHERE identity = i AND state = 'held' FOR UPDATE SKIP LOCKED)
	UPDATE issuance_request SET state = 'refused', done_at = now(), refusal_class = 'denied',
			refusal_word = 'identity-blocked', refusal = format('identity "%s" is blocked', p_name)
		WHERE id IN (SELECT id FROM waiting UNION ALL SELECT id FROM held);
	GET DIAGNOSTICS requests = ROW_COUNT;
	outcome := 'ok';
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'identity.offboard', p_name, 'ok', p_request_id,
			jsonb_build_object('revoked', revoked, 'accounts', accounts, 'requests', requests, 'reason', p_reason));
END $$;

-- Who approved a request.
CREATE FUNCTION request_approvers(p_request bigint) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	SELECT array_agg(i.name ORDER BY a.at) FROM request_approval a JOIN identity i ON i.id = a.operator WHERE a.request = p_request;
$$;
