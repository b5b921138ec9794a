-- What was written and read by nobody goes: the signer's copy of its profiles, and columns.

DROP TABLE profile;
ALTER TABLE issuer DROP COLUMN profiles;
ALTER TABLE acme_authorization DROP COLUMN created_at;

-- A gateway may set a pending challenge to work, never its result. True when this call did it.
CREATE OR REPLACE FUNCTION challenge_answer(p_id text, p_thumbprint bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
	WITH done AS (
		UPDATE acme_challenge SET status = 'processing', thumbprint = p_thumbprint, retry_at = now()
			WHERE id = p_id AND status = 'pending' RETURNING 1)
	SELECT EXISTS (SELECT 1 FROM done);
$$;
ALTER TABLE acme_challenge DROP COLUMN answered_at;
