-- A second operator: what the configuration names waits until another one approves it. Which operations those are the admin program says
-- with each call; whether somebody is there who could approve, and everything after, is decided here.

-- Is this an operator who is let in and has one of the roles?
CREATE FUNCTION operator_may(p_operator text, p_roles text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = chancery, pg_temp AS $$
	SELECT EXISTS (SELECT 1 FROM identity i JOIN operator_role r ON r.identity = i.id
		WHERE i.name = p_operator AND i.kind = 'operator' AND i.state = 'active' AND r.role = ANY (p_roles));
$$;

-- Those who may and can: who was added and never had a certificate, or has none that lives, keeps nobody waiting.
CREATE FUNCTION operators_able(p_roles text[], p_without text[]) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	SELECT coalesce(array_agg(i.name ORDER BY i.name), '{}') FROM identity i
		WHERE i.kind = 'operator' AND i.name <> ALL (p_without) AND operator_may(i.name, p_roles) AND EXISTS (
			SELECT 1 FROM certificate c JOIN issuer s ON s.id = c.issuer
			WHERE c.identity = i.id AND c.not_after > now() AND s.state <> 'revoked'
				AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = c.serial));
$$;

CREATE TABLE proposal (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	operation   text NOT NULL,                  -- "identity.add", ...
	object      text COLLATE "C" NOT NULL,      -- name of the identity or issuing CA it is about
	arguments   jsonb NOT NULL,                 -- what the operation takes, by name
	roles       text[] NOT NULL,                -- any of these may do it
	proposer    text NOT NULL,
	state       text NOT NULL DEFAULT 'pending',
	created_at  timestamptz NOT NULL DEFAULT now(),
	expires_at  timestamptz NOT NULL,
	decided_at  timestamptz,
	decided_by  text,
	reason      text,                           -- of a no
	CONSTRAINT proposal_size CHECK (pg_column_size(proposal) <= 65536) -- more than a call brings
);
CREATE INDEX proposal_pending ON proposal (id) WHERE state = 'pending';

-- By the owner, or by an administrator, who retires and activates only. outcome: 'ok', 'unchanged', 'unknown' (no issuing CA has the
-- name), 'denied', or 'revoked', which is for good. The trigger issuer_changed waits for the certificates that are just being recorded.
CREATE FUNCTION issuer_move(p_name text, p_state text, p_actor text, p_request_id text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i record;
BEGIN
	IF session_user = 'chancery_admin' AND (p_state NOT IN ('active', 'retired') OR NOT operator_may(p_actor, '{administrator}')) THEN
		RETURN 'denied';
	END IF;
	SELECT id, state INTO i FROM issuer WHERE name = p_name AND kind = 'issuing' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	ELSIF i.state = p_state THEN
		RETURN 'unchanged';
	ELSIF i.state = 'revoked' THEN
		RETURN 'revoked';
	END IF;
	UPDATE issuer SET state = p_state WHERE id = i.id;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'issuer.move', p_name, 'ok', p_request_id, jsonb_build_object('from', i.state, 'to', p_state));
	RETURN 'ok';
END $$;

-- Does it in the proposer's name. 'ok', 'unchanged', or why not: 'identity-exists', 'identity-retired', 'grant-exists', 'unknown-identity',
-- 'unknown-issuer', 'own-identity', 'role-missing', 'revoked'. A certificate is the signer's to make, of a request that the admin program
-- opens next.
CREATE FUNCTION proposal_do(p_operation text, a jsonb, p_actor text, p_request_id text) RETURNS text
LANGUAGE plpgsql SET search_path = chancery, pg_temp AS $$
DECLARE
	done boolean;
	said text;
BEGIN
	CASE p_operation
	WHEN 'identity.add' THEN
		done := identity_add(a ->> 'name', a ->> 'kind', coalesce(a ->> 'owner', ''),
			ARRAY (SELECT g ->> 'profile' FROM jsonb_array_elements(a -> 'grants') AS g),
			ARRAY (SELECT g ->> 'pattern' FROM jsonb_array_elements(a -> 'grants') AS g), p_actor, p_request_id) IS NOT NULL;
		said := CASE WHEN done THEN 'ok' ELSE 'identity-exists' END;
	WHEN 'grant.add' THEN
		done := grant_add((SELECT id FROM identity WHERE name = a ->> 'identity'), a ->> 'profile', a ->> 'pattern', p_actor, p_request_id);
		said := CASE WHEN done THEN 'ok' WHEN NOT done THEN 'grant-exists' ELSE 'unknown' END;
	WHEN 'identity.unblock' THEN
		said := identity_set_state(a ->> 'name', 'active', p_actor, p_request_id);
	WHEN 'operator.role.add' THEN
		said := operator_role_set(a ->> 'name', a ->> 'role', true, p_actor, p_request_id);
	WHEN 'issuer.retire' THEN
		said := issuer_move(a ->> 'name', 'retired', p_actor, p_request_id);
	WHEN 'issuer.activate' THEN
		said := issuer_move(a ->> 'name', 'active', p_actor, p_request_id);
	WHEN 'issue' THEN
		said := 'ok';
	END CASE; -- another one is an error
	RETURN CASE said WHEN 'unknown' THEN CASE WHEN starts_with(p_operation, 'issuer.') THEN 'unknown-issuer' ELSE 'unknown-identity' END
		WHEN 'own' THEN 'own-identity' WHEN 'denied' THEN 'role-missing' WHEN 'retired' THEN 'identity-retired' ELSE said END;
END $$;

-- Done at once where nobody else could approve; else it waits, if it could be done. Who asks, who is about to approve and whom it is
-- about are held in the order of ids, as everywhere: blocking, offboarding and taking a role come before or after, not between.
-- outcome: 'waits' (proposal, expires and able are told, also of an equal one that waits already), 'role-missing' (who asks may not, or not
-- any more), 'limit' (100 of one operator wait), or what proposal_do() says.
CREATE FUNCTION proposal_add(p_operation text, p_object text, p_arguments jsonb, p_roles text[], p_seconds bigint, p_actor text,
	p_request_id text, OUT outcome text, OUT proposal bigint, OUT expires timestamptz, OUT able text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM identity i WHERE i.name IN (p_actor, p_object) ORDER BY i.id FOR UPDATE;
	able := operators_able(p_roles, ARRAY[p_actor, p_object]);
	IF NOT operator_may(p_actor, p_roles) THEN
		outcome := 'role-missing';
		RETURN;
	ELSIF able = '{}' THEN
		outcome := proposal_do(p_operation, p_arguments, p_actor, p_request_id);
		IF outcome = 'ok' THEN
			INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
				VALUES (p_actor, 'proposal.alone', p_object, 'ok', p_request_id, jsonb_build_object('operation', p_operation));
			UPDATE proposal p SET state = 'done', decided_at = now() WHERE p.state = 'pending' AND p.proposer = p_actor
				AND p.operation = p_operation AND p.object = p_object AND p.arguments = p_arguments;
		END IF;
		RETURN;
	END IF;
	BEGIN -- tried, and undone
		outcome := proposal_do(p_operation, p_arguments, p_actor, p_request_id);
		RAISE EXCEPTION USING ERRCODE = 'CH001';
	EXCEPTION WHEN SQLSTATE 'CH001' THEN
		IF outcome <> 'ok' THEN
			RETURN;
		END IF;
	END;
	outcome := 'waits';
	SELECT p.id, p.expires_at INTO proposal, expires FROM proposal p WHERE p.state = 'pending' AND p.expires_at > now()
		AND p.proposer = p_actor AND p.operation = p_operation AND p.object = p_object AND p.arguments = p_arguments;
	IF FOUND THEN
		RETURN;
	ELSIF (SELECT count(*) FROM proposal p WHERE p.state = 'pending' AND p.expires_at > now() AND p.proposer = p_actor) >= 100 THEN
		outcome := 'limit';
		RETURN;
	END IF;
	INSERT INTO proposal AS p (operation, object, arguments, roles, proposer, expires_at)
		VALUES (p_operation, p_object, p_arguments, p_roles, p_actor, now() + make_interval(secs => p_seconds))
		RETURNING p.id, p.expires_at INTO proposal, expires;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) VALUES (p_actor, 'proposal.add', p_object, 'ok',
		p_request_id, jsonb_build_object('proposal', proposal, 'operation', p_operation, 'arguments', p_arguments));
END $$;

-- The yes of another operator, and the deed, in one. outcome: 'ok', 'unchanged', 'none' (no such proposal), 'decided' (or its time is
-- over), 'own-proposal' (who proposed it, or gets something by it), 'role-missing' (who approves could not have done it himself), 'proposer'
-- (who proposed it may not any more), or what proposal_do() says; then it goes on waiting.
CREATE FUNCTION proposal_approve(p_id bigint, p_actor text, p_request_id text, OUT outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	p record;
BEGIN
	SELECT * INTO p FROM proposal WHERE id = p_id;
	IF NOT FOUND THEN
		outcome := 'none';
		RETURN;
	END IF;
	PERFORM 1 FROM identity i WHERE i.name IN (p.proposer, p_actor, p.object) ORDER BY i.id FOR UPDATE;
	PERFORM 1 FROM proposal WHERE id = p_id AND state = 'pending' AND expires_at > now() FOR UPDATE;
	IF NOT FOUND THEN
		outcome := 'decided';
	ELSIF p_actor IN (p.proposer, p.object) THEN
		outcome := 'own-proposal';
	ELSIF NOT operator_may(p_actor, p.roles) THEN
		outcome := 'role-missing';
	ELSIF NOT operator_may(p.proposer, p.roles) THEN
		outcome := 'proposer';
	ELSE
		outcome := proposal_do(p.operation, p.arguments, p.proposer, p_request_id);
		IF outcome IN ('ok', 'unchanged') THEN
			UPDATE proposal SET state = 'done', decided_at = now(), decided_by = p_actor WHERE id = p_id AND state = 'pending';
			INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) VALUES (p_actor, 'proposal.approve', p.object,
				'ok', p_request_id, jsonb_build_object('proposal', p_id, 'operation', p.operation, 'proposer', p.proposer));
		END IF;
	END IF;
END $$;

-- A no, by whoever could have said yes, or by the proposer. Result: 'ok', 'none', 'decided', 'role-missing'.
CREATE FUNCTION proposal_reject(p_id bigint, p_reason text, p_actor text, p_request_id text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	p record;
BEGIN
	SELECT * INTO p FROM proposal WHERE id = p_id FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'none';
	ELSIF p.state <> 'pending' OR p.expires_at <= now() THEN
		RETURN 'decided';
	ELSIF p_actor <> p.proposer AND NOT operator_may(p_actor, p.roles) THEN
		RETURN 'role-missing';
	END IF;
	UPDATE proposal SET state = 'rejected', decided_at = now(), decided_by = p_actor, reason = p_reason WHERE id = p_id;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) VALUES (p_actor, 'proposal.reject', p.object, 'ok',
		p_request_id, jsonb_build_object('proposal', p_id, 'operation', p.operation, 'proposer', p.proposer, 'reason', p_reason));
	RETURN 'ok';
END $$;

-- As before, and 'role' when the operator is no officer.
CREATE OR REPLACE FUNCTION request_approve(p_request bigint, p_operator bigint, p_actor text, p_request_id text,
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
	ELSIF NOT operator_may((SELECT name FROM identity WHERE id = p_operator), '{officer}') THEN
		outcome := 'role';
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
