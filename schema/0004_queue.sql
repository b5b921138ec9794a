-- The queue without a column that nobody read: who waits for a request finds its result by the request's id.

ALTER TABLE issuance_request DROP COLUMN node;

DROP FUNCTION responder_request(text, text, text, bytea, text, text);
-- The status program only reads; this is the one thing it may ask for: a certificate for its own in-memory key, from each
-- issuing CA it answers for (a responder is certified by the very CA it speaks for, RFC 6960 section 4.2.2.2).
CREATE FUNCTION responder_request(p_identity text, p_profile text, p_issuer text, p_spki bytea, p_request_id text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
DECLARE
	i bigint;
	r bigint;
BEGIN
	SELECT id INTO i FROM identity WHERE name = p_identity AND kind = 'service';
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO issuance_request (protocol, request_id, identity, profile, issuer, names, spki)
		VALUES ('internal', p_request_id, i, p_profile, p_issuer, '{}', p_spki) RETURNING id INTO r;
	RETURN r;
END $$;
