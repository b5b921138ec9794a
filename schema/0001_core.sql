-- Issuers, identities, grants, certificates, revocation, CRLs, the issuance queue, audit and nodes.
-- Applied by `ca-admin schema apply` as role chancery_owner, inside one transaction, with search_path = chancery.
-- Every xid column holds pg_current_xact_id() of the writing transaction: feeds read "xid >= the xmin of my last
-- snapshot", idempotently, because sequence order is not commit order.

CREATE TABLE issuer (
	id          smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	name        text NOT NULL UNIQUE,
	kind        text NOT NULL CHECK (kind IN ('root', 'issuing')),
	state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
	parent      smallint REFERENCES issuer,
	der         bytea NOT NULL,
	subject     bytea NOT NULL,                 -- Name DER, what issued certificates carry as issuer
	key_id      bytea NOT NULL,                 -- subject key identifier
	spki_hash   bytea NOT NULL UNIQUE CHECK (length(spki_hash) = 32),
	key_label   text,                           -- CKA_LABEL in the signer's token; NULL: offline
	profiles    text[],                         -- NULL: any
	not_after   timestamptz NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE profile (                              -- published by the signer from its file, for display only
	name         text PRIMARY KEY,
	definition   jsonb NOT NULL,
	published_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	name        text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}$'),
	kind        text NOT NULL CHECK (kind IN ('workload', 'device', 'user', 'operator', 'service')),
	state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked', 'retired')),
	owner       text NOT NULL DEFAULT '',
	created_at  timestamptz NOT NULL DEFAULT now(),
	changed_at  timestamptz NOT NULL DEFAULT now(),
	xid         xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX identity_xid ON identity (xid);        -- the gateways' feed of state changes

CREATE TABLE name_grant (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	identity    bigint NOT NULL REFERENCES identity,
	profile     text NOT NULL,
	pattern     text NOT NULL,                  -- canonical text with type: dns:*.example.org
	created_by  text NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	UNIQUE (identity, profile, pattern)
);

-- Partitioned by the end of life so that retention drops partitions instead of deleting rows. By serial alone a certificate is
-- found through its request (unique serial, cert_not_after), in one partition; so requests stay as long as their certificates.
-- The key begins with not_after: inserts land side by side instead of all over a tree of random serials, and lists page by it.
CREATE TABLE certificate (
	issuer       smallint NOT NULL,             -- no foreign keys here: the request row vouches for issuer and
	serial       bytea NOT NULL CHECK (length(serial) = 16), -- identity, and a check each would cost 8 us a row
	not_after    timestamptz NOT NULL,
	not_before   timestamptz NOT NULL,
	identity     bigint NOT NULL,
	request      bigint NOT NULL,
	profile      text NOT NULL,
	crl_shard    smallint NOT NULL DEFAULT 0,
	renewed_from bytea,                         -- serial of the predecessor, same issuer line
	spki_hash    bytea NOT NULL,
	der          bytea NOT NULL,
	issued_at    timestamptz NOT NULL DEFAULT now(),
	xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
	PRIMARY KEY (not_after, serial)
) PARTITION BY RANGE (not_after);
CREATE INDEX certificate_identity ON certificate (identity, not_after);
CREATE INDEX certificate_xid ON certificate (xid);  -- the OCSP responders' feed

CREATE TABLE certificate_default PARTITION OF certificate DEFAULT;

CREATE TABLE certificate_name (
	name        text COLLATE "C" NOT NULL,      -- canonical text
	serial      bytea NOT NULL,
	not_after   timestamptz NOT NULL,
	PRIMARY KEY (name, not_after, serial)
);

CREATE TABLE revocation (
	serial      bytea PRIMARY KEY,
	issuer      smallint NOT NULL REFERENCES issuer,
	crl_shard   smallint NOT NULL,
	revoked_at  timestamptz NOT NULL,
	reason      smallint CHECK (reason IN (0, 1, 2, 3, 4, 5, 6, 9, 10)),  -- NULL: none given
	not_after   timestamptz NOT NULL,
	actor       text NOT NULL,
	xid         xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX revocation_xid ON revocation (xid);
CREATE INDEX revocation_crl ON revocation (issuer, crl_shard, not_after);

-- Append-only marks; the signer deletes the ones it has seen when it publishes. A flag on a shard row would
-- make revocations wait for the signer's row lock, and so for the HSM.
CREATE TABLE crl_dirty (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	issuer      smallint NOT NULL REFERENCES issuer,
	crl_shard   smallint NOT NULL
);

CREATE TABLE crl (
	issuer      smallint NOT NULL REFERENCES issuer,
	crl_shard   smallint NOT NULL,              -- 0: the full-scope CRL
	number      bigint NOT NULL,
	this_update timestamptz NOT NULL,
	next_update timestamptz NOT NULL,
	entries     integer NOT NULL,
	der         bytea NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (issuer, crl_shard, number)
);

-- The queue in front of the signer. A row carries a decision to check, never octets to sign.
CREATE TABLE issuance_request (
	id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
	protocol      text NOT NULL CHECK (protocol IN ('est', 'acme', 'admin', 'internal')),
	request_id    text NOT NULL,                -- the front end's request id, as logged
	node          text NOT NULL DEFAULT '',     -- who waits for it
	identity      bigint NOT NULL,              -- who adds has read its row; a foreign key would read it again
	profile       text NOT NULL,
	names         text[] NOT NULL,              -- canonical texts
	spki          bytea NOT NULL,
	not_before    timestamptz,                  -- asked for (ACME); NULL: the profile decides
	not_after     timestamptz,
	acme_order    text,                         -- the authorization reference besides the identity's grants
	renewed_from  bytea,                        -- serial being re-enrolled
	issuer        text CHECK (issuer IS NULL OR protocol = 'internal'), -- wanted by name; NULL: the profile decides
	created_at    timestamptz NOT NULL DEFAULT now(),
	done_at       timestamptz,
	serial        bytea,                        -- the result
	cert_not_after timestamptz,
	refusal_class text,                         -- enum err by name
	refusal_word  text,
	refusal       text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- No serial twice, over all partitions. Partial, so that a waiting request is not in it.
CREATE UNIQUE INDEX issuance_request_serial ON issuance_request (serial) WHERE serial IS NOT NULL;
CREATE INDEX issuance_request_pending ON issuance_request (id) WHERE state = 'pending';
-- A lost answer must not brick a device: the same identity with the same key gets the same result (est/CHECKS.md 66).
CREATE INDEX issuance_request_repeat ON issuance_request USING hash (spki);

CREATE TABLE audit_event (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	at          timestamptz NOT NULL DEFAULT now(),
	actor       text NOT NULL,                  -- identity name, or role of a program
	operation   text NOT NULL,                  -- "certificate.issue", "identity.offboard", ...
	object      text COLLATE "C" NOT NULL DEFAULT '', -- serial in hex, identity name, ...
	outcome     text NOT NULL CHECK (outcome IN ('ok', 'refused')),
	request_id  text NOT NULL DEFAULT '',
	detail      jsonb
);
CREATE INDEX audit_event_object ON audit_event (object, id);

CREATE TABLE node (
	id          text PRIMARY KEY,               -- program@host:pid
	program     text NOT NULL,
	version     text NOT NULL,
	started_at  timestamptz NOT NULL,
	last_seen   timestamptz NOT NULL DEFAULT now(),
	state       text NOT NULL,                  -- 'ready', 'degraded', 'stopping'
	detail      jsonb NOT NULL DEFAULT '{}'
);

-- What the group-commit writers (lib/db/batch.c) have committed: every batch moves its writer's number in its own
-- transaction, so that a COMMIT whose answer was lost can be looked up. One row per writer, updated in place.
CREATE TABLE writer_mark (
	writer      text PRIMARY KEY,
	batch       bigint NOT NULL,
	at          timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);
