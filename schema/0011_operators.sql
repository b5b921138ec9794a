-- Who gives operators their roles (0009) and takes them.

-- Gives an operator a role or takes it. Outcome: 'ok', 'unchanged', 'unknown' (no such operator), 'own' (nobody changes what he may do
-- himself), 'denied' (who does it is no administrator; the owner of the database need not be one).
CREATE FUNCTION operator_role_set(p_name text, p_role text, p_has boolean, p_actor text, p_request_id text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
BEGIN
	SELECT id INTO i FROM identity WHERE name = p_name AND kind = 'operator' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	ELSIF p_actor = p_name THEN
		RETURN 'own';
	ELSIF session_user = 'chancery_admin' AND NOT EXISTS (
		SELECT 1 FROM operator_role r JOIN identity o ON o.id = r.identity
		WHERE o.name = p_actor AND o.state = 'active' AND r.role = 'administrator') THEN
		RETURN 'denied';
	END IF;
	IF p_has THEN
		INSERT INTO operator_role (identity, role, granted_by) VALUES (i, p_role, p_actor) ON CONFLICT DO NOTHING;
	ELSE
		DELETE FROM operator_role WHERE identity = i AND role = p_role;
	END IF;
	IF NOT FOUND THEN
		RETURN 'unchanged';
	END IF;
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
		VALUES (p_actor, 'operator.role.' || CASE WHEN p_has THEN 'add' ELSE 'remove' END, p_name, 'ok', p_request_id,
			jsonb_build_object('role', p_role));
	RETURN 'ok';
END $$;
