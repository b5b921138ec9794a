-- ACME (RFC 8555). Order, authorization and account expiry and most states are computed when read, from
-- challenges, times and the issuance request, so nothing has to be swept and reading never writes.

CREATE TABLE acme_account (
	id          text PRIMARY KEY,               -- 128 random bits, base64url
	identity    bigint NOT NULL REFERENCES identity,   -- the TLS identity that created it: nobody else may use it
	thumbprint  bytea NOT NULL UNIQUE CHECK (length(thumbprint) = 32),  -- RFC 7638, of the current key
	jwk         jsonb NOT NULL,
	contact     text[] NOT NULL DEFAULT '{}',
	status      text NOT NULL DEFAULT 'valid' CHECK (status IN ('valid', 'deactivated', 'revoked')),
	terms_agreed boolean NOT NULL DEFAULT false,
	created_at  timestamptz NOT NULL DEFAULT now(),
	xid         xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX acme_account_identity ON acme_account (identity);
CREATE INDEX acme_account_xid ON acme_account (xid);

CREATE TABLE acme_authorization (
	id          text PRIMARY KEY,
	account     text NOT NULL REFERENCES acme_account,
	identifier  text NOT NULL,                  -- canonical text of the name without "*."
	wildcard    boolean NOT NULL DEFAULT false,
	expires     timestamptz NOT NULL,
	deactivated_at timestamptz,
	created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX acme_authorization_account ON acme_authorization (account);

CREATE TABLE acme_order (
	id          text PRIMARY KEY,
	account     text NOT NULL REFERENCES acme_account,
	profile     text NOT NULL,
	identifiers text[] NOT NULL,                -- canonical texts in the order the client gave
	granted     boolean NOT NULL,               -- born ready: every name is covered by a grant of the identity
	authorizations text[] NOT NULL,             -- ids, empty when granted
	not_before  timestamptz,
	not_after   timestamptz,
	expires     timestamptz NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	request     bigint REFERENCES issuance_request  -- set by finalize, once
);
CREATE INDEX acme_order_account ON acme_order (account, created_at);

CREATE TABLE acme_challenge (
	id            text PRIMARY KEY,
	"authorization" text NOT NULL REFERENCES acme_authorization,
	type          text NOT NULL CHECK (type IN ('http-01')),
	token         text NOT NULL,
	status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'valid', 'invalid')),
	thumbprint    bytea,                        -- of the account key when it was answered
	answered_at   timestamptz,
	attempts      integer NOT NULL DEFAULT 0,
	retry_at      timestamptz,                  -- processing: not before
	claimed_until timestamptz,                  -- processing: a validator works on it
	validated_at  timestamptz,
	error         jsonb
);
CREATE INDEX acme_challenge_authorization ON acme_challenge ("authorization");
CREATE INDEX acme_challenge_processing ON acme_challenge (retry_at) WHERE status = 'processing';

-- Both unlogged, on purpose together: after a crash of PostgreSQL the used nonces are gone, and so is the key
-- that made them, so an old nonce can never be replayed.
CREATE UNLOGGED TABLE acme_nonce_key (
	id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	key         bytea NOT NULL CHECK (length(key) = 32),
	created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNLOGGED TABLE acme_nonce_used (
	nonce       bytea PRIMARY KEY,
	expires     timestamptz NOT NULL
);
CREATE INDEX acme_nonce_used_expires ON acme_nonce_used (expires);
