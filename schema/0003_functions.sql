-- What changes state across tables. Revocation never waits for the HSM: it is these transactions and nothing else.

-- One certificate. Result: 'ok', 'already' (was revoked before), or 'unknown'. Idempotent.
CREATE FUNCTION certificate_revoke(p_serial bytea, p_reason smallint, p_actor text, p_request_id text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	c record;
BEGIN
	SELECT c1.issuer, c1.crl_shard, c1.not_after, c1.identity INTO c FROM issuance_request r
		JOIN certificate c1 ON c1.serial = r.serial AND c1.not_after = r.cert_not_after WHERE r.serial = p_serial;
	IF NOT FOUND THEN
		RETURN 'unknown';
	END IF;
	INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
		VALUES (p_serial, c.issuer, c.crl_shard, now(), p_reason, c.not_after, p_actor)
		ON CONFLICT (serial) DO NOTHING;
	IF NOT FOUND THEN
		RETURN 'already';
	END IF;
	INSERT INTO crl_dirty (issuer, crl_shard) VALUES (c.issuer, c.crl_shard);
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'certificate.revoke', encode(p_serial, 'hex'), 'ok', p_request_id,
			jsonb_build_object('reason', p_reason, 'identity', c.identity));
	RETURN 'ok';
END $$;

-- Block or unblock. Result: 'ok', 'unchanged', 'unknown', 'retired'.
CREATE FUNCTION identity_set_state(p_name text, p_state text, p_actor text, p_request_id text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i record;
BEGIN
	SELECT id, state INTO i FROM identity WHERE name = p_name FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	ELSIF i.state = 'retired' THEN
		RETURN 'retired';
	ELSIF i.state = p_state THEN
		RETURN 'unchanged';
	END IF;
	UPDATE identity SET state = p_state, changed_at = now(), xid = pg_current_xact_id() WHERE id = i.id;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id)
		VALUES (p_actor, 'identity.' || CASE p_state WHEN 'blocked' THEN 'block' ELSE 'unblock' END, p_name, 'ok', p_request_id);
	RETURN 'ok';
END $$;

-- Everything a leaver loses, in one transaction: identity blocked, live certificates revoked, ACME accounts closed,
-- waiting requests refused. The row lock on the identity keeps a signer, which takes identity_lock() after signing and
-- before it records, from slipping a certificate in between. Requests a signer has claimed are skipped (waiting for them
-- would be waiting for the HSM): identity_lock() will refuse them. outcome: 'ok' or 'unknown'. Repeating it is harmless.
CREATE FUNCTION identity_offboard(p_name text, p_reason smallint, p_actor text, p_request_id text,
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
	UPDATE issuance_request SET state = 'refused', done_at = now(), refusal_class = 'denied',
			refusal_word = 'identity-blocked', refusal = format('identity "%s" is blocked', p_name)
		WHERE id IN (SELECT id FROM issuance_request WHERE identity = i AND state = 'pending' FOR UPDATE SKIP LOCKED);
	GET DIAGNOSTICS requests = ROW_COUNT;
	outcome := 'ok';
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'identity.offboard', p_name, 'ok', p_request_id,
			jsonb_build_object('revoked', revoked, 'accounts', accounts, 'requests', requests, 'reason', p_reason));
END $$;

-- Which of these identities are active, held so until the caller's transaction ends. READ COMMITTED re-reads a row that
-- was locked by an offboarding, so a blocked identity is never returned.
-- plpgsql and not sql: a SECURITY DEFINER function in sql is planned anew by every call, which costs 150 us a batch.
CREATE FUNCTION identity_lock(p_ids bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT id FROM identity WHERE id = ANY (p_ids) AND state = 'active' ORDER BY id FOR KEY SHARE;
END $$;

-- An offline CA's CRL is a signed artefact that is imported, with a number higher than the one before.
-- The caller has verified signature and issuer. Result: 'ok', 'stale' (number not higher), 'unknown'.
CREATE FUNCTION crl_import(p_issuer smallint, p_number bigint, p_this timestamptz, p_next timestamptz, p_entries integer,
	p_der bytea, p_actor text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM issuer WHERE id = p_issuer AND kind = 'root' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	END IF;
	IF EXISTS (SELECT 1 FROM crl WHERE issuer = p_issuer AND crl_shard = 0 AND number >= p_number) THEN
		RETURN 'stale';
	END IF;
	INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, der)
		VALUES (p_issuer, 0, p_number, p_this, p_next, p_entries, p_der);
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
		VALUES (p_actor, 'crl.import', (SELECT name FROM issuer WHERE id = p_issuer), 'ok', jsonb_build_object('number', p_number));
	RETURN 'ok';
END $$;

-- The status program only reads; this is the one thing it may ask for: a certificate for its own in-memory key, from each
-- issuing CA it answers for (a responder is certified by the very CA it speaks for, RFC 6960 section 4.2.2.2).
CREATE FUNCTION responder_request(p_identity text, p_profile text, p_issuer text, p_spki bytea, p_node text, p_request_id text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	r bigint;
BEGIN
	SELECT id INTO i FROM identity WHERE name = p_identity AND kind = 'service';
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO issuance_request (protocol, request_id, node, identity, profile, issuer, names, spki)
		VALUES ('internal', p_request_id, p_node, i, p_profile, p_issuer, '{}', p_spki) RETURNING id INTO r;
	RETURN r;
END $$;

-- Every program says it lives; no program needs more than this on the node table.
CREATE FUNCTION node_seen(p_id text, p_program text, p_version text, p_started timestamptz, p_state text, p_detail jsonb)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	INSERT INTO node (id, program, version, started_at, state, detail)
		VALUES (p_id, p_program, p_version, p_started, p_state, p_detail)
		ON CONFLICT (id) DO UPDATE SET last_seen = now(), state = excluded.state, detail = excluded.detail;
	DELETE FROM node WHERE last_seen < now() - interval '1 hour';
	DELETE FROM writer_mark WHERE at < now() - interval '7 days'; -- a writer that is alive after all makes its row anew
$$;

-- A gateway may set a pending challenge to work, never its result. True when this call did it.
CREATE FUNCTION challenge_answer(p_id text, p_thumbprint bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	WITH done AS (
		UPDATE acme_challenge SET status = 'processing', thumbprint = p_thumbprint, answered_at = now(), retry_at = now()
			WHERE id = p_id AND status = 'pending' RETURNING 1)
	SELECT EXISTS (SELECT 1 FROM done);
$$;

-- Monthly partitions from one month back to p_months ahead; rows outside land in the default partition.
CREATE FUNCTION certificate_partitions(p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	m date := date_trunc('month', now() - interval '1 month');
	made integer := 0;
	part text;
BEGIN
	FOR n IN 0 .. p_months + 1 LOOP
		part := 'certificate_' || to_char(m, 'YYYY_MM');
		-- A month that has rows in the default partition already keeps them there.
		IF to_regclass('chancery.' || part) IS NULL
			AND NOT EXISTS (SELECT 1 FROM certificate_default WHERE not_after >= m AND not_after < m + interval '1 month') THEN
			EXECUTE format('CREATE TABLE %I PARTITION OF certificate FOR VALUES FROM (%L) TO (%L)',
				part, m || ' 00:00:00+00', (m + interval '1 month')::date || ' 00:00:00+00');
			made := made + 1;
		END IF;
		m := m + interval '1 month';
	END LOOP;
	RETURN made;
END $$;

-- History is append-only, for the owner too. Once per statement refuses it for the table, also where no row matches; once
-- per row refuses it for each partition addressed by its own name (such triggers are cloned to partitions).
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate
	FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_row_append_only BEFORE UPDATE OR DELETE ON certificate
	FOR EACH ROW EXECUTE FUNCTION refuse_change();
