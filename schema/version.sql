-- Which migrations the database has: what has to be there before the first of them.
CREATE TABLE IF NOT EXISTS schema_version (
	version     integer PRIMARY KEY,
	name        text NOT NULL,
	applied_at  timestamptz NOT NULL DEFAULT now()
);
