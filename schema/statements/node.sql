-- Which programs live.

-- name: node_seen
-- by: all, owner
-- in: id text, program text, version text, started_at timestamptz, state text, detail jsonb
-- out: node_seen void
SELECT node_seen(:id, :program, :version, :started_at, :state, :detail::jsonb);

-- name: node_list
-- by: admin
-- out: id text, program text, version text, state text, detail text, started_at timestamptz, last_seen timestamptz
SELECT id, program, version, state, detail::text, started_at, last_seen FROM node ORDER BY id LIMIT 1000;
