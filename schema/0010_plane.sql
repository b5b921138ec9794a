-- The operators' plane apart: what only chancery_admin does. A change of what an identity may have touches the identity's row: its
-- feed tells every front to forget what it remembers, and who waits for that can ask for the row's xid.

-- Null: there is no such identity; false: it has the grant already.
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

-- As before, and the fronts hear of it.
CREATE OR REPLACE FUNCTION grant_remove(p_identity bigint, p_profile text, p_pattern text, p_actor text, p_request_id text) RETURNS boolean
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
