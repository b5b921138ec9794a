-- Made from words.txt by words.py, which also says whether it is stale: the words each column may hold, and how states may move.
-- `ca-admin schema apply` runs it after the migrations. What is as it should be (its comment is its definition) is left alone. No row is
-- read: a row that was there before is judged when it changes.

-- A move that no line of words.txt allows; the trigger's own condition has judged it, so a legal one calls nothing.
CREATE OR REPLACE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% "%" does not become "%" in %', TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0],
		TG_TABLE_NAME USING ERRCODE = 'triggered_data_change_violation';
END $$;

DO $do$
DECLARE
	w record;
BEGIN
	FOR w IN SELECT * FROM (VALUES
		('identity', 'identity_kind_check', 'CHECK (kind = ANY (''{workload,device,user,operator,service}''::text[]))'),
		('operator_role', 'operator_role_role_check', 'CHECK (role = ANY (''{administrator,officer,helpdesk,auditor,monitor}''::text[]))'),
		('issuance_request', 'issuance_request_proof_check', 'CHECK (proof = ANY (''{program,local,certificate}''::text[]))'),
		('issuance_request', 'issuance_request_hold_check', 'CHECK (hold = ANY (''{approval,unavailable}''::text[]))'),
		('issuance_request', 'issuance_request_protocol_check', 'CHECK (protocol = ANY (''{est,acme,admin,internal}''::text[]))'),
		('issuer', 'issuer_kind_check', 'CHECK (kind = ANY (''{root,issuing}''::text[]))'),
		('acme_challenge', 'acme_challenge_type_check', 'CHECK (type = ANY (''{http-01}''::text[]))'),
		('audit_event', 'audit_event_outcome_check', 'CHECK (outcome = ANY (''{ok,refused}''::text[]))'),
		('identity', 'identity_state_check', 'CHECK (state = ANY (''{active,blocked,retired}''::text[]))'),
		('issuer', 'issuer_state_check', 'CHECK (state = ANY (''{active,retired,revoked}''::text[]))'),
		('proposal', 'proposal_state_check', 'CHECK (state = ANY (''{pending,done,rejected}''::text[]))'),
		('issuance_request', 'issuance_request_state_check', 'CHECK (state = ANY (''{pending,held,done,refused}''::text[]))'),
		('acme_account', 'acme_account_status_check', 'CHECK (status = ANY (''{valid,deactivated,revoked}''::text[]))'),
		('acme_challenge', 'acme_challenge_status_check', 'CHECK (status = ANY (''{pending,processing,valid,invalid}''::text[]))')
		) AS v (relation, name, definition)
	LOOP
		CONTINUE WHEN w.definition = (SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint
			WHERE conrelid = w.relation::regclass AND conname = w.name);
		EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS %I', w.relation, w.name);
		EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s NOT VALID', w.relation, w.name, w.definition);
		EXECUTE format('COMMENT ON CONSTRAINT %I ON %I IS %L', w.name, w.relation, w.definition);
	END LOOP;
	FOR w IN SELECT * FROM (VALUES
		('identity', 'identity_state_moves', 'BEFORE UPDATE OF state ON identity FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND OLD.state || ''>'' || NEW.state <> ALL (''{active>blocked,blocked>active,active>retired,blocked>retired}''::text[])) EXECUTE FUNCTION refuse_move(state)'),
		('issuer', 'issuer_state_moves', 'BEFORE UPDATE OF state ON issuer FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND OLD.state || ''>'' || NEW.state <> ALL (''{active>retired,retired>active,active>revoked,retired>revoked}''::text[])) EXECUTE FUNCTION refuse_move(state)'),
		('proposal', 'proposal_state_moves', 'BEFORE UPDATE OF state ON proposal FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND OLD.state || ''>'' || NEW.state <> ALL (''{pending>done,pending>rejected}''::text[])) EXECUTE FUNCTION refuse_move(state)'),
		('issuance_request', 'issuance_request_state_moves', 'BEFORE UPDATE OF state ON issuance_request FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND OLD.state || ''>'' || NEW.state <> ALL (''{pending>held,pending>done,pending>refused,held>pending,held>refused}''::text[])) EXECUTE FUNCTION refuse_move(state)'),
		('acme_account', 'acme_account_status_moves', 'BEFORE UPDATE OF status ON acme_account FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND OLD.status || ''>'' || NEW.status <> ALL (''{valid>deactivated,valid>revoked}''::text[])) EXECUTE FUNCTION refuse_move(status)'),
		('acme_challenge', 'acme_challenge_status_moves', 'BEFORE UPDATE OF status ON acme_challenge FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND OLD.status || ''>'' || NEW.status <> ALL (''{pending>processing,processing>valid,processing>invalid}''::text[])) EXECUTE FUNCTION refuse_move(status)')
		) AS v (relation, name, definition)
	LOOP
		CONTINUE WHEN w.definition = (SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger
			WHERE tgrelid = w.relation::regclass AND tgname = w.name);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s', w.name, w.definition);
		EXECUTE format('COMMENT ON TRIGGER %I ON %I IS %L', w.name, w.relation, w.definition);
	END LOOP;
END $do$;
