-- Which names an identity may have under which profile. Every change leaves its audit event in the same statement.

-- name: grant_list
-- by: gateway
-- in: identity int8
-- out: id int8, profile text, pattern text, created_by text
SELECT id, profile, pattern, created_by FROM name_grant WHERE identity = :identity ORDER BY profile, pattern;

-- name: grant_add
-- by: gateway, owner
-- in: identity int8, profile text, pattern text, actor text, request_id text
-- out: identity int8
-- No row: it is there already.
WITH g AS (
	INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (:identity, :profile, :pattern, :actor)
	ON CONFLICT DO NOTHING RETURNING identity),
a AS (
	INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
	SELECT :actor, 'grant.add', i.name, 'ok', :request_id, jsonb_build_object('profile', :profile::text, 'pattern', :pattern::text)
	FROM g JOIN identity i ON i.id = g.identity)
SELECT identity FROM g;

-- name: grant_remove
-- by: gateway
-- in: identity int8, profile text, pattern text, actor text, request_id text
-- out: identity int8
-- No row: there was none.
SELECT g.identity FROM (SELECT :identity::bigint AS identity) AS g
WHERE grant_remove(g.identity, :profile, :pattern, :actor, :request_id);
