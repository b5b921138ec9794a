-- What does not grow with what is stored. Feeds are read by pages, each after the last row of the one before.
DROP INDEX revocation_xid;
CREATE INDEX revocation_feed ON revocation (xid, serial);
DROP INDEX certificate_xid;
CREATE INDEX certificate_feed ON certificate (xid, serial);
DROP INDEX identity_xid;
CREATE INDEX identity_feed ON identity (xid, id);
DROP INDEX acme_account_xid;
CREATE INDEX acme_account_feed ON acme_account (xid, id);
-- A CRL's entries are, too: those of certificates that live longest last.
DROP INDEX revocation_crl;
CREATE INDEX revocation_entries ON revocation (issuer, not_after, serial);
CREATE INDEX crl_dirty_oldest ON crl_dirty (issuer, id);

-- Every program reads all issuers.
ALTER TABLE issuer ADD CONSTRAINT issuer_size
	CHECK (octet_length(der) + octet_length(subject) + octet_length(name) + coalesce(pg_column_size(profiles), 0) <= 65536) NOT VALID;

-- A CRL's octets stand in parts of at most 4 MiB, as they are, so that no statement takes long however many there are. Parts come before
-- their CRL; those whose CRL was never recorded go with the next one.
CREATE TABLE crl_part (
	issuer      smallint NOT NULL,
	number      bigint NOT NULL,
	part        integer NOT NULL,               -- from 0 on
	octets      bytea NOT NULL CHECK (octet_length(octets) BETWEEN 1 AND 4194304),
	PRIMARY KEY (issuer, number, part)
);
ALTER TABLE crl_part ALTER COLUMN octets SET STORAGE EXTERNAL;
CREATE FUNCTION crl_cut(p_issuer smallint, p_number bigint, p_der bytea) RETURNS void
LANGUAGE sql SET search_path = chancery, pg_temp AS $$
	INSERT INTO crl_part (issuer, number, part, octets)
		SELECT p_issuer, p_number, n, substring(p_der FROM n * 4194304 + 1 FOR 4194304)
		FROM generate_series(0, (octet_length(p_der) - 1) / 4194304) AS n;
$$;
SELECT crl_cut(issuer, number, der) FROM crl;
ALTER TABLE crl ADD COLUMN octets bigint, ADD COLUMN digest bytea,
	ADD COLUMN build_ms bigint NOT NULL DEFAULT 0; -- what it cost; the next one keeps its distance
UPDATE crl SET octets = octet_length(der), digest = sha256(der);
ALTER TABLE crl ALTER COLUMN octets SET NOT NULL, ALTER COLUMN digest SET NOT NULL, DROP COLUMN der;

-- As before, in parts.
CREATE OR REPLACE FUNCTION crl_import(p_issuer smallint, p_number bigint, p_this timestamptz, p_next timestamptz, p_entries integer,
	p_der bytea, p_actor text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = chancery, pg_temp AS $$
BEGIN
	PERFORM 1 FROM issuer WHERE id = p_issuer AND kind = 'root' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN 'unknown';
	END IF;
	IF EXISTS (SELECT 1 FROM crl WHERE issuer = p_issuer AND crl_shard = 0 AND number >= p_number) THEN
		RETURN 'stale';
	END IF;
	PERFORM crl_cut(p_issuer, p_number, p_der);
	INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest)
		VALUES (p_issuer, 0, p_number, p_this, p_next, p_entries, octet_length(p_der), sha256(p_der));
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
		VALUES (p_actor, 'crl.import', (SELECT name FROM issuer WHERE id = p_issuer), 'ok', jsonb_build_object('number', p_number));
	RETURN 'ok';
END $$;

-- A turn is a connection's, for a time that it lengthens: a transaction as long as the making of a large CRL would keep every feed's
-- cursor back. Who lost its turn records nothing.
ALTER TABLE crl_turn ADD COLUMN backend integer NOT NULL DEFAULT 0, ADD COLUMN program text NOT NULL DEFAULT '',
	ADD COLUMN until timestamptz NOT NULL DEFAULT '-infinity';
