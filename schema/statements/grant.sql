-- Which names an identity may have under which profile. Every change leaves its audit event.

-- name: grant_list
-- by: gateway, admin
-- in: identity int8
-- out: id int8, profile text, pattern text, created_by text
SELECT id, profile, pattern, created_by FROM name_grant WHERE identity = :identity ORDER BY profile, pattern;

-- name: grant_add
-- by: admin, owner
-- in: identity int8, profile text, pattern text, actor text, request_id text
-- out: changed bool
-- Null: there is no such identity.
SELECT grant_add(:identity, :profile, :pattern, :actor, :request_id) AS changed;

-- name: grant_remove
-- by: admin
-- in: identity int8, profile text, pattern text, actor text, request_id text
-- out: changed bool
SELECT grant_remove(:identity, :profile, :pattern, :actor, :request_id) AS changed;
