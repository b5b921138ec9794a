-- An issuing CA's states: retired goes on with CRL and responder, revoked with nothing.

-- A program's own clock against the database's. A program that was killed is known by its connections: their application_name
-- begins with the node's id, and PostgreSQL shows it to every role.
ALTER TABLE node ADD COLUMN clock_ahead double precision NOT NULL DEFAULT 0; -- seconds
CREATE VIEW node_life AS
	SELECT id, program, version, state, detail, started_at, last_seen, clock_ahead, now() - last_seen AS age,
		state <> 'stopping' AND last_seen > now() - interval '15 seconds' AND EXISTS (
			SELECT 1 FROM pg_stat_activity a WHERE split_part(a.application_name, ' ', 1) = id) AS lives
	FROM node;

-- Nobody holds up others for long: a session of a front end on which somebody has waited for 2 s is ended. It can set its own time
-- limits as it likes, and with one open transaction keep an identity from being blocked, or all issuing CAs from certifying. Its
-- transactions take milliseconds; the signer's, which wait for the HSM, and the operators', which may revoke much, are left alone.
-- Without effect where the owner may not end sessions (`ca-admin schema apply` as a superuser lets him).
CREATE FUNCTION end_holders() RETURNS void LANGUAGE plpgsql SET search_path = chancery, pg_temp AS $$
DECLARE
	h record;
BEGIN
	IF NOT pg_has_role(current_user, 'pg_signal_backend', 'USAGE') THEN
		RETURN;
	END IF;
	FOR h IN SELECT DISTINCT a.pid, a.usename
			FROM pg_locks w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b (pid) JOIN pg_stat_activity a ON a.pid = b.pid
			WHERE NOT w.granted AND w.waitstart < clock_timestamp() - interval '2 seconds' AND a.datname = current_database()
				AND a.usename IN ('chancery_gateway', 'chancery_validator', 'chancery_status') LOOP
		RAISE WARNING 'a session of role "%" that held up others is ended', h.usename;
		PERFORM pg_terminate_backend(h.pid);
	END LOOP;
END $$;

-- A program speaks for itself only, in few rows of few octets; and whoever does sees to it that nobody holds up others. By how many
-- seconds the caller's clock is ahead.
DROP FUNCTION node_seen(text, text, text, timestamptz, text, jsonb);
CREATE FUNCTION node_seen(p_id text, p_program text, p_version text, p_started timestamptz, p_state text, p_detail jsonb,
	p_clock timestamptz) RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	ahead double precision := extract(epoch FROM p_clock - clock_timestamp());
BEGIN
	IF session_user IN ('chancery_gateway', 'chancery_admin', 'chancery_signer', 'chancery_validator', 'chancery_status')
		AND (p_program <> replace(session_user, '_', '-') OR NOT starts_with(p_id, p_program || '@')) THEN
		RAISE EXCEPTION 'role "%" does not speak for "%"', session_user, p_id USING ERRCODE = 'insufficient_privilege';
	ELSIF length(p_id) > 300 OR length(p_version) > 60 OR length(p_state) > 20 OR octet_length(p_detail::text) > 32768 THEN
		RAISE EXCEPTION 'a node has at most 300 characters of name, 60 of version, 20 of state and 32768 octets of detail'
			USING ERRCODE = 'program_limit_exceeded';
	END IF;
	PERFORM (p_detail ->> 'snapshot')::pg_snapshot; -- whoever counts who has heard must be able to read it
	INSERT INTO node (id, program, version, started_at, state, detail, clock_ahead)
		VALUES (p_id, p_program, p_version, p_started, p_state, p_detail, ahead)
		ON CONFLICT (id) DO UPDATE SET last_seen = now(), state = excluded.state, detail = excluded.detail,
			clock_ahead = excluded.clock_ahead
		WHERE node.program = excluded.program;
	DELETE FROM node WHERE last_seen < now() - interval '1 hour' OR id IN (
		SELECT id FROM node WHERE program = p_program ORDER BY last_seen DESC OFFSET 64);
	DELETE FROM writer_mark WHERE at < now() - interval '7 days'; -- a writer that is alive after all makes its row anew
	PERFORM end_holders();
	RETURN ahead;
END $$;
