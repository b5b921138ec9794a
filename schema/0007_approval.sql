-- A request names who asked and how that was proven, and may wait: for operators who approve it, or for an issuing CA that
-- cannot sign for a moment. "Held" is not an outcome: nothing that was asked for becomes invalid by it.

ALTER TABLE issuance_request DROP CONSTRAINT issuance_request_state_check;
ALTER TABLE issuance_request ADD CONSTRAINT issuance_request_state_check
	CHECK (state IN ('pending', 'held', 'done', 'refused'));
ALTER TABLE issuance_request
	ADD COLUMN requester        bigint,         -- the identity that asked; NULL: a program, or the owner of the database
	ADD COLUMN proof            text NOT NULL DEFAULT 'program' CHECK (proof IN ('certificate', 'local', 'program')),
	ADD COLUMN proof_serial     bytea,          -- of the certificate that was presented
	ADD COLUMN hold             text CHECK (hold IN ('approval', 'unavailable')), -- why it was held last
	ADD COLUMN hold_until       timestamptz,    -- then a signer looks at it again
	ADD COLUMN hold_reason      text,
	ADD COLUMN approvals_needed smallint NOT NULL DEFAULT 0;
CREATE INDEX issuance_request_held ON issuance_request (hold_until) WHERE state = 'held';
CREATE INDEX issuance_request_held_id ON issuance_request (id) WHERE state = 'held';

CREATE TABLE request_approval (
	request     bigint NOT NULL,
	operator    bigint NOT NULL REFERENCES identity,
	at          timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (request, operator)
);

-- How many operators who may still approve have approved. Whoever asked does not count, and nobody counts who has been blocked.
CREATE FUNCTION request_approvals(p_request bigint, p_requester bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	SELECT count(*) FROM request_approval a JOIN identity i ON i.id = a.operator
		WHERE a.request = p_request AND i.state = 'active' AND i.kind = 'operator' AND a.operator IS DISTINCT FROM p_requester;
$$;

-- One operator's approval of a request that is held for it. outcome: 'ok' (approvals tells whether they are enough: then it is
-- pending again), 'again' (this operator has approved already), 'own' (whoever asked cannot approve), 'not-held', 'unknown'.
CREATE FUNCTION request_approve(p_request bigint, p_operator bigint, p_actor text, p_request_id text,
	OUT outcome text, OUT approvals bigint, OUT needed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	r record;
BEGIN
	SELECT id, state, hold, requester, approvals_needed, profile INTO r FROM issuance_request WHERE id = p_request FOR UPDATE;
	IF NOT FOUND THEN
		outcome := 'unknown';
		RETURN;
	END IF;
	needed := r.approvals_needed;
	approvals := request_approvals(p_request, r.requester);
	IF r.state <> 'held' OR r.hold IS DISTINCT FROM 'approval' THEN
		outcome := 'not-held';
		RETURN;
	ELSIF r.requester = p_operator THEN
		outcome := 'own';
		RETURN;
	END IF;
	INSERT INTO request_approval (request, operator) VALUES (p_request, p_operator) ON CONFLICT DO NOTHING;
	outcome := CASE WHEN FOUND THEN 'ok' ELSE 'again' END;
	approvals := request_approvals(p_request, r.requester);
	IF outcome = 'ok' THEN
		INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
			VALUES (p_actor, 'request.approve', p_request::text, 'ok', p_request_id,
				jsonb_build_object('profile', r.profile, 'approvals', approvals, 'needed', needed));
	END IF;
	IF approvals >= needed THEN
		UPDATE issuance_request SET state = 'pending' WHERE id = p_request;
	END IF;
END $$;

-- An operator's no is final. Result: 'ok', 'not-held', 'unknown'.
CREATE FUNCTION request_reject(p_request bigint, p_reason text, p_actor text, p_request_id text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	r record;
BEGIN
	SELECT id, state, profile, identity INTO r FROM issuance_request WHERE id = p_request FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	ELSIF r.state <> 'held' THEN
		RETURN 'not-held';
	END IF;
	UPDATE issuance_request SET state = 'refused', done_at = now(), refusal_class = 'denied', refusal_word = 'rejected',
			refusal = format('an operator rejected the request: %s', p_reason)
		WHERE id = p_request;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'request.reject', p_request::text, 'ok', p_request_id,
			jsonb_build_object('profile', r.profile, 'identity', r.identity, 'reason', p_reason));
	RETURN 'ok';
END $$;

-- As before, and what is held goes too.
CREATE OR REPLACE FUNCTION identity_offboard(p_name text, p_reason smallint, p_actor text, p_request_id text,
	OUT outcome text, OUT revoked bigint, OUT accounts bigint, OUT requests bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
BEGIN
	revoked := 0; accounts := 0; requests := 0;
	SELECT id INTO i FROM identity WHERE name = p_name FOR UPDATE;
	IF NOT FOUND THEN
		outcome := 'unknown';
		RETURN;
	END IF;
	UPDATE identity SET state = 'blocked', changed_at = now(), xid = pg_current_xact_id()
		WHERE id = i AND state = 'active';
	WITH gone AS (
		INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
			SELECT c.serial, c.issuer, c.crl_shard, now(), p_reason, c.not_after, p_actor
			FROM certificate c WHERE c.identity = i AND c.not_after > now()
			ON CONFLICT (serial) DO NOTHING
			RETURNING issuer, crl_shard),
	dirty AS (INSERT INTO crl_dirty (issuer, crl_shard) SELECT DISTINCT issuer, crl_shard FROM gone)
	SELECT count(*) INTO revoked FROM gone;
	UPDATE acme_account SET status = 'revoked', xid = pg_current_xact_id() WHERE identity = i AND status = 'valid';
	GET DIAGNOSTICS accounts = ROW_COUNT;
	-- Found by two partial indexes, so by two look-ups.
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
