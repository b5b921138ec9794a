-- Which programs live.

-- name: node_seen
-- by: all, owner
-- in: id text, program text, version text, started_at timestamptz, state text, detail jsonb, clock timestamptz
-- out: ahead int8
SELECT round(node_seen(:id, :program, :version, :started_at, :state, :detail::jsonb, :clock))::bigint AS ahead;

-- name: node_list
-- by: admin
-- out: id text, program text, version text, state text, detail text, started_at timestamptz, last_seen timestamptz,
-- out: ahead int8, age int8, lives bool
SELECT id, program, version, state, detail::text, started_at, last_seen, round(clock_ahead)::bigint AS ahead,
	extract(epoch FROM age)::bigint AS age, lives
FROM node_life ORDER BY id LIMIT 1000;
