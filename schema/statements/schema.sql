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

-- name: schema_roles
-- by: owner
-- out: name text, present bool, create_command text, alter_command text
-- The roles there must be, the owner first, and what makes each of them as it must be; null: nothing. What they may do stands in
-- schema/roles.sql. Nobody waits for ever: a front end's statement is short, a lock is held for one batch, and only the signer
-- keeps a transaction open while the HSM works. What a role has set for itself, so that it lasts, is taken back. No role can take all of PostgreSQL's usual 100 connections; a limit that is set is kept.
SELECT w.name, r.oid IS NOT NULL AS present, format('CREATE ROLE %I LOGIN', w.name) AS create_command,
	concat_ws('; ', CASE WHEN w.idle IS NOT NULL AND (t.setconfig <> ARRAY['temp_file_limit=1GB'] OR s.setconfig IS DISTINCT FROM
		ARRAY['search_path=chancery', 'lock_timeout=5s', 'statement_timeout=10s', 'idle_in_transaction_session_timeout=' || w.idle])
	THEN format('ALTER ROLE %1$I IN DATABASE %3$I RESET ALL; ALTER ROLE %1$I RESET ALL; ALTER ROLE %1$I SET search_path = chancery; ' ||
		'ALTER ROLE %1$I SET lock_timeout = ''5s''; ALTER ROLE %1$I SET statement_timeout = ''10s''; ' ||
		'ALTER ROLE %1$I SET idle_in_transaction_session_timeout = %2$L', w.name, w.idle, current_database()) END,
	CASE WHEN w.connections IS NOT NULL AND coalesce(r.rolconnlimit, -1) = -1
	THEN format('ALTER ROLE %I CONNECTION LIMIT %s', w.name, w.connections) END) AS alter_command
FROM (VALUES (1, 'chancery_owner', NULL, NULL), (2, 'chancery_gateway', '10s', 30), (3, 'chancery_admin', '10s', 10),
	(4, 'chancery_signer', '60s', 24), (5, 'chancery_validator', '10s', 15), (6, 'chancery_status', '10s', 15))
	AS w (place, name, idle, connections)
LEFT JOIN pg_catalog.pg_roles r ON r.rolname = w.name::name
LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
LEFT JOIN pg_catalog.pg_db_role_setting t ON t.setrole = r.oid
	AND t.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
ORDER BY w.place;

-- name: schema_limits
-- by: owner
-- out: done text, left_so text, command text
-- What only a superuser can do about this database, where it is not done yet: take from everybody temporary tables, large objects and
-- advisory locks, each of which one role could fill until nobody else can work; let the owner end sessions that hold up others; and
-- bound the disk that one statement of a front end takes for itself.
SELECT 'temporary tables: taken from everybody' AS done,
	'temporary tables: left to everybody, only a superuser may take them' AS left_so,
	format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', d.datname) AS command
FROM pg_catalog.pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'TEMPORARY'
UNION ALL
SELECT 'large objects and advisory locks: taken from everybody',
	'large objects and advisory locks: left to everybody, only a superuser may take them',
	string_agg(format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure), '; ')
	|| '; GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO chancery_owner'
FROM pg_catalog.pg_proc p CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^(lo_|lowrite|loread|pg_(try_)?advisory)' AND a.grantee = 0
HAVING count(*) > 0
UNION ALL
SELECT 'sessions that hold up others: chancery_owner may end them',
	'sessions that hold up others: only a superuser may let chancery_owner end them',
	'GRANT pg_signal_backend TO chancery_owner'
WHERE NOT pg_has_role('chancery_owner', 'pg_signal_backend', 'USAGE')
UNION ALL
SELECT 'temporary files: bounded for the front ends', 'temporary files: only a superuser may bound them',
	string_agg(format('ALTER ROLE %I IN DATABASE %I SET temp_file_limit = %L', r.rolname, current_database(), '1GB'), '; ')
FROM pg_catalog.pg_roles r
WHERE r.rolname IN ('chancery_gateway', 'chancery_admin', 'chancery_validator', 'chancery_status') AND NOT EXISTS (
	SELECT 1 FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
	WHERE s.setrole = r.oid AND d.datname = current_database() AND array_to_string(s.setconfig, ' ') LIKE '%temp_file_limit=%')
HAVING count(*) > 0;

-- name: schema_find
-- by: owner
-- out: found int4
SELECT 1 AS found FROM pg_catalog.pg_namespace WHERE nspname = 'chancery';
