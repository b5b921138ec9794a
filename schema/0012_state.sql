-- An issuing CA's states: retired goes on with CRL and responder, revoked with nothing.

-- By the owner. outcome: 'ok', 'already', 'unknown' (no issuing CA has the name), or 'revoked', which is for good. The trigger
-- issuer_changed waits for the certificates that are just being recorded.
CREATE FUNCTION issuer_move(p_name text, p_state text, p_actor text) RETURNS text
LANGUAGE plpgsql SET search_path = chancery, pg_temp AS $$
DECLARE
	i record;
BEGIN
	SELECT id, state INTO i FROM issuer WHERE name = p_name AND kind = 'issuing' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	ELSIF i.state = p_state THEN
		RETURN 'already';
	ELSIF i.state = 'revoked' THEN
		RETURN 'revoked';
	END IF;
	UPDATE issuer SET state = p_state WHERE id = i.id;
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
		VALUES (p_actor, 'issuer.move', p_name, 'ok', jsonb_build_object('from', i.state, 'to', p_state));
	RETURN 'ok';
END $$;

-- As before; and a retired issuer still certifies its responder, whose requests alone name their issuer: no role but by
-- own_request() can write one.
CREATE OR REPLACE FUNCTION authority_lock(p_requests bigint[], p_issuers smallint[]) RETURNS TABLE (request bigint, authority text)
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
END $$;
