-- The operators' plane apart, and every program in its own bounds: what a role may write is columns and functions, whose row it is
-- the database knows, and nothing that one role can hold or fill stops another.

-- Who opened a request: the role that logged in, whatever a function runs as. The signer judges by it.
ALTER TABLE issuance_request ADD COLUMN role name NOT NULL DEFAULT session_user;

CREATE FUNCTION refuse_protocol() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'role "%" opens no request of protocol "%" with proof "%"', current_user, NEW.protocol, NEW.proof
		USING ERRCODE = 'insufficient_privilege';
END $$;
-- Judged by the trigger's own condition: a legal row calls nothing. A function of the owner is current_user chancery_owner.
CREATE TRIGGER issuance_request_protocol BEFORE INSERT ON issuance_request FOR EACH ROW
	WHEN ((current_user = 'chancery_gateway' AND (NEW.protocol NOT IN ('est', 'acme') OR NEW.proof = 'local'))
		OR (current_user = 'chancery_admin' AND (NEW.protocol <> 'admin' OR NEW.proof = 'local')))
	EXECUTE FUNCTION refuse_protocol();

-- Events are written here, by functions of this schema and by this one: number, time and writing role are the database's, and a program
-- tells only of its own work.
ALTER TABLE audit_event ADD COLUMN role name NOT NULL DEFAULT session_user;
CREATE FUNCTION audit_add(p_actor text, p_operation text, p_object text, p_outcome text, p_request_id text, p_detail jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	IF (CASE session_user
		WHEN 'chancery_gateway' THEN NOT (starts_with(p_operation, 'acme.account.')
			OR (p_outcome = 'refused' AND p_operation ~ '^(acme|est|gateway|http|tls)[.]')) -- whom it refused
		WHEN 'chancery_signer' THEN p_operation NOT IN ('certificate.issue', 'request.hold', 'crl.publish')
		WHEN 'chancery_validator' THEN p_operation <> 'acme.challenge.validate'
		WHEN 'chancery_status' THEN true ELSE false END) THEN
		RAISE EXCEPTION 'role "%" does not tell of "%"', session_user, p_operation USING ERRCODE = 'insufficient_privilege';
	ELSIF length(p_actor) > 300 OR length(p_operation) > 100 OR length(p_object) > 300 OR length(p_request_id) > 100
		OR octet_length(p_detail::text) > 262144 THEN
		RAISE EXCEPTION 'an event has at most 300 characters of actor and object, 100 of operation and 262144 octets of detail'
			USING ERRCODE = 'program_limit_exceeded';
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, p_operation, p_object, p_outcome, p_request_id, p_detail);
END $$;

-- No row is larger than what reads it can take: a program whose memory for one piece of work is full ends, and with a row that is
-- there to stay it would end for ever. Ten times what the programs let through, and whatever function writes.
ALTER TABLE issuance_request ADD CONSTRAINT issuance_request_size CHECK (pg_column_size(issuance_request) <= 262144) NOT VALID;
ALTER TABLE audit_event ADD CONSTRAINT audit_event_size CHECK (pg_column_size(audit_event) <= 327680) NOT VALID;
ALTER TABLE identity ADD CONSTRAINT identity_size CHECK (pg_column_size(identity) <= 8192) NOT VALID;
ALTER TABLE name_grant ADD CONSTRAINT name_grant_size CHECK (pg_column_size(name_grant) <= 16384) NOT VALID;
ALTER TABLE acme_account ADD CONSTRAINT acme_account_size CHECK (pg_column_size(acme_account) <= 65536) NOT VALID;
ALTER TABLE acme_order ADD CONSTRAINT acme_order_size CHECK (pg_column_size(acme_order) <= 262144) NOT VALID;
ALTER TABLE acme_authorization ADD CONSTRAINT acme_authorization_size CHECK (pg_column_size(acme_authorization) <= 8192) NOT VALID;
ALTER TABLE acme_challenge ADD CONSTRAINT acme_challenge_size CHECK (pg_column_size(acme_challenge) <= 65536) NOT VALID;
-- All grants of an identity come with each of its requests.
CREATE FUNCTION refuse_grants() RETURNS trigger LANGUAGE plpgsql SET search_path = chancery, pg_temp AS $$
DECLARE
	much text;
BEGIN
	SELECT i.name INTO much FROM (SELECT DISTINCT identity FROM added) AS a JOIN identity i ON i.id = a.identity
		WHERE (SELECT sum(octet_length(g.pattern)) FROM name_grant g WHERE g.identity = i.id) > 2097152 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the grants of identity "%" have more than 2 MiB together: a pattern says it in few, or more identities', much
			USING ERRCODE = 'program_limit_exceeded';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER name_grant_size AFTER INSERT ON name_grant REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_grants();

-- A program's certificate for a key in its memory, of the one identity that is the role's own: a front has the names it was granted
-- at `ca-admin init`, a responder none, and it alone names the issuing CA it answers for (RFC 6960 section 4.2.2.2).
-- outcome: 'ok', 'unknown' (no such identity yet), 'denied', 'limit'.
DROP FUNCTION responder_request(text, text, text, bytea, text);
CREATE FUNCTION own_request(p_profile text, p_names text[], p_issuer text, p_spki bytea, p_request_id text,
	OUT outcome text, OUT request bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	responder boolean := session_user = 'chancery_status';
BEGIN
	SELECT id INTO i FROM identity WHERE kind = 'service' AND name = CASE session_user
		WHEN 'chancery_gateway' THEN 'gateway' WHEN 'chancery_admin' THEN 'chancery-admin' WHEN 'chancery_status' THEN 'ocsp-responder' END;
	IF NOT FOUND THEN
		outcome := 'unknown';
	ELSIF responder <> (p_names = '{}') OR responder <> (p_issuer IS NOT NULL) OR EXISTS (
		SELECT 1 FROM unnest(p_names) AS n (name) WHERE NOT EXISTS (
			SELECT 1 FROM name_grant g WHERE g.identity = i AND g.profile = p_profile AND g.pattern = n.name)) THEN
		outcome := 'denied';
	ELSIF (SELECT count(*) FROM (SELECT 1 FROM certificate WHERE identity = i AND not_after > now() LIMIT 4096) AS live) = 4096
		OR (SELECT count(*) FROM (SELECT 1 FROM issuance_request WHERE identity = i AND state = 'pending' LIMIT 1024) AS waits) = 1024 THEN
		outcome := 'limit';
	ELSE
		outcome := 'ok';
		INSERT INTO issuance_request (protocol, request_id, identity, profile, issuer, names, spki)
			VALUES ('internal', p_request_id, i, p_profile, p_issuer, p_names, p_spki) RETURNING id INTO request;
	END IF;
END $$;

-- What ACME revokes (RFC 8555 section 7.6): a certificate that came through ACME, on the word of a valid account of its identity, of one
-- that has proven all its names or has grants under its profile, or (no account) of its own key, which only the gateway can have seen.
-- Result: as certificate_revoke(), or 'denied'.
CREATE FUNCTION acme_revoke(p_serial bytea, p_reason smallint, p_account text, p_actor text, p_request_id text,
	OUT outcome text, OUT others bytea[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	r record;
BEGIN
	others := '{}';
	SELECT protocol, identity, profile, names INTO r FROM issuance_request WHERE serial = p_serial;
	IF NOT FOUND THEN
		outcome := 'unknown';
	ELSIF r.protocol <> 'acme' OR (p_account IS NOT NULL AND NOT EXISTS (
		SELECT 1 FROM acme_account a WHERE a.id = p_account AND a.status = 'valid' AND (a.identity = r.identity
			OR EXISTS (SELECT 1 FROM name_grant g WHERE g.identity = a.identity AND g.profile = r.profile)
			OR r.names <@ ARRAY (SELECT z.name FROM acme_authorization_state z WHERE z.account = a.id AND z.state = 'valid')))) THEN
		outcome := 'denied';
	ELSE
		SELECT d.outcome, d.others INTO outcome, others FROM certificate_revoke(p_serial, p_reason, p_actor, p_request_id) AS d;
	END IF;
END $$;

-- As before, and nothing but a block and its end: 'retired' went through, and the audit called it an unblock.
CREATE OR REPLACE FUNCTION identity_set_state(p_name text, p_state text, p_actor text, p_request_id text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i record;
BEGIN
	IF p_state NOT IN ('active', 'blocked') THEN
		RAISE EXCEPTION 'an identity is blocked or active, not "%"', p_state USING ERRCODE = 'invalid_parameter_value';
	END IF;
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

-- The identity with its grants; null: the name is taken.
CREATE FUNCTION identity_add(p_name text, p_kind text, p_owner text, p_profiles text[], p_patterns text[], p_actor text, p_request_id text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	grants jsonb;
BEGIN
	INSERT INTO identity (name, kind, owner) VALUES (p_name, p_kind, p_owner) ON CONFLICT (name) DO NOTHING RETURNING id INTO i;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	WITH g AS (
		INSERT INTO name_grant (identity, profile, pattern, created_by)
		SELECT i, u.profile, u.pattern, p_actor FROM unnest(p_profiles, p_patterns) AS u (profile, pattern)
		ON CONFLICT DO NOTHING RETURNING profile, pattern)
	SELECT coalesce(jsonb_agg(jsonb_build_array(profile, pattern)), '[]') INTO grants FROM g;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'identity.add', p_name, 'ok', p_request_id,
			jsonb_build_object('kind', p_kind, 'owner', p_owner, 'grants', grants));
	RETURN i;
END $$;

-- A change of what an identity may have touches the identity's row: its feed tells every front to forget what it remembers, and who
-- waits for that can ask for the row's xid. Null: there is no such identity; false: it has the grant already.
CREATE FUNCTION grant_add(p_identity bigint, p_profile text, p_pattern text, p_actor text, p_request_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	n text;
BEGIN
	UPDATE identity SET xid = pg_current_xact_id() WHERE id = p_identity RETURNING name INTO n;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (p_identity, p_profile, p_pattern, p_actor)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'grant.add', n, 'ok', p_request_id, jsonb_build_object('profile', p_profile, 'pattern', p_pattern));
	RETURN true;
END $$;

-- False: there is no such grant, or no such identity.
CREATE FUNCTION grant_remove(p_identity bigint, p_profile text, p_pattern text, p_actor text, p_request_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	n text;
BEGIN
	PERFORM 1 FROM identity WHERE id = p_identity FOR UPDATE; -- what is being recorded is waited for
	UPDATE identity SET xid = pg_current_xact_id() WHERE id = p_identity RETURNING name INTO n;
	DELETE FROM name_grant WHERE identity = p_identity AND profile = p_profile AND pattern = p_pattern;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'grant.remove', n, 'ok', p_request_id, jsonb_build_object('profile', p_profile, 'pattern', p_pattern));
	RETURN true;
END $$;

-- One signer at a time publishes an issuer's CRL: whoever holds its row here. Nothing else waits for such a row, so it may be held
-- while the HSM works, and no other role can take it, as any could an advisory lock.
CREATE TABLE crl_turn (issuer smallint PRIMARY KEY REFERENCES issuer);
INSERT INTO crl_turn SELECT id FROM issuer;
CREATE FUNCTION issuer_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO crl_turn VALUES (NEW.id);
	RETURN NULL;
END $$;
CREATE TRIGGER issuer_added AFTER INSERT ON issuer FOR EACH ROW EXECUTE FUNCTION issuer_added();

-- Since when revocations wait for their CRL: marks that grow old are told.
ALTER TABLE crl_dirty ADD COLUMN at timestamptz NOT NULL DEFAULT now();
CREATE FUNCTION crl_mark(p_issuer smallint) RETURNS boolean -- false: there is no such issuer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	INSERT INTO crl_dirty (issuer, crl_shard) SELECT id, 0 FROM issuer WHERE id = p_issuer;
	RETURN FOUND;
END $$;

-- Marks of other roles' writers are not there for a role.
ALTER TABLE writer_mark ADD COLUMN role name NOT NULL DEFAULT session_user;
ALTER TABLE writer_mark ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON writer_mark USING (role = session_user);

-- Without DELETE on a table a role cannot lock it.
CREATE FUNCTION acme_nonce_sweep() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	DELETE FROM acme_nonce_used WHERE expires < now();
	DELETE FROM acme_nonce_key WHERE id <= (SELECT id FROM acme_nonce_key ORDER BY id DESC OFFSET 8 LIMIT 1);
$$;

-- A key that refers to a row locks it: with these an open transaction of a gateway kept an identity from being blocked, and the signer
-- from any request. Whoever writes such a row has read the other, and neither goes.
ALTER TABLE acme_account DROP CONSTRAINT acme_account_identity_fkey;
ALTER TABLE acme_order DROP CONSTRAINT acme_order_request_fkey;

-- As before, and a reader who does not end holds up neither the signer nor, behind it, everybody else: the next call tries again.
CREATE OR REPLACE FUNCTION certificate_partitions(p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp SET timezone = 'UTC' SET lock_timeout = '200ms' AS $$
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
			BEGIN
				EXECUTE format('CREATE TABLE %I PARTITION OF certificate FOR VALUES FROM (%L) TO (%L)',
					part, m || ' 00:00:00+00', (m + interval '1 month')::date || ' 00:00:00+00');
				made := made + 1;
			EXCEPTION WHEN lock_not_available THEN
				RETURN made;
			END;
		END IF;
		m := m + interval '1 month';
	END LOOP;
	RETURN made;
END $$;
