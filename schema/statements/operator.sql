-- Operators and what they may do.

-- name: operator_roles
-- by: admin
-- in: identity int8
-- out: roles text[]
SELECT ARRAY (SELECT role FROM operator_role WHERE identity = :identity) AS roles;

-- name: operator_role_set
-- by: admin, owner
-- in: name text, role text, has bool, actor text, request_id text
-- out: outcome text
SELECT operator_role_set(:name, :role, :has, :actor, :request_id) AS outcome;

-- name: access_list
-- by: admin
-- in: after text, page int8
-- out: name text, kind text, state text, roles text[], grants text[], proposals text[]
-- Who may do what, who may have what (the first hundred grants of each), and what waits that he has proposed or that is about him.
SELECT i.name, i.kind, i.state, ARRAY (SELECT role FROM operator_role r WHERE r.identity = i.id ORDER BY role) AS roles,
	ARRAY (SELECT g.profile || '=' || g.pattern FROM name_grant g WHERE g.identity = i.id ORDER BY g.profile, g.pattern LIMIT 100) AS grants,
	ARRAY (SELECT p.id || ' ' || p.operation || ' ' || p.object FROM proposal p WHERE p.state = 'pending' AND p.expires_at > now()
		AND i.name IN (p.proposer, p.object) ORDER BY p.id LIMIT 100) AS proposals
FROM identity i WHERE i.name > :after ORDER BY i.name LIMIT :page;
