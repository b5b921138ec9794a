-- The schema's version, which every program checks, and what `ca-admin schema apply` looks up before it changes anything.

-- name: schema_present
-- by: all, owner
-- out: present bool
-- Grants come after the tables: until then it is not there for this role.
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = 'chancery' AND c.relname = 'schema_version' AND has_schema_privilege(n.oid, 'USAGE')
		AND has_table_privilege(c.oid, 'SELECT')) AS present;

-- name: schema_newest
-- by: all, owner
-- out: version int4
SELECT coalesce(max(version), 0) AS version FROM schema_version;

-- name: schema_version_add
-- by: owner
-- in: version int4, name text
INSERT INTO schema_version (version, name) VALUES (:version, :name);

-- name: schema_lock
-- by: owner
-- out: pg_advisory_lock void
-- Held until the connection ends, so that two runs follow each other.
SELECT pg_advisory_lock(hashtext('chancery schema apply'));

-- name: schema_user
-- by: owner
-- out: name text, superuser bool, creator bool
SELECT rolname::text AS name, rolsuper AS superuser, rolsuper OR rolcreaterole AS creator
FROM pg_catalog.pg_roles WHERE rolname = current_user;

-- name: schema_role
-- by: owner
-- in: name text
-- out: settings text
-- No row: no such role.
SELECT coalesce((SELECT array_to_string(setconfig, ',') FROM pg_catalog.pg_db_role_setting s
	WHERE s.setrole = r.oid AND s.setdatabase = 0), '') AS settings
FROM pg_catalog.pg_roles r WHERE r.rolname = :name::text;

-- name: schema_find
-- by: owner
-- out: found int4
SELECT 1 AS found FROM pg_catalog.pg_namespace WHERE nspname = 'chancery';
