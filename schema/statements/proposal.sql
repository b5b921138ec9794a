-- What waits for a second operator. The rules are functions of schema/0014_second.sql.

-- row: proposal
-- out: id int8, operation text, object text, proposer text, state text, created_at timestamptz,
-- out: expires_at timestamptz, decided_at timestamptz, decided_by text, reason text, able text[]
p.id, p.operation, p.object, p.proposer,
CASE WHEN p.state = 'pending' AND p.expires_at <= now() THEN 'expired' ELSE p.state END AS state, p.created_at, p.expires_at, p.decided_at,
p.decided_by, p.reason, operators_able(p.roles, ARRAY[p.proposer, p.object]) AS able

-- name: proposal_list
-- by: admin
-- in: after int8, page int8
-- out: {proposal}
-- Those that wait, oldest first; what they take may be long.
SELECT {proposal} FROM proposal p WHERE p.state = 'pending' AND p.expires_at > now() AND p.id > :after ORDER BY p.id LIMIT :page;

-- name: proposal_find
-- by: admin
-- in: id int8
-- out: {proposal}, arguments text
SELECT {proposal}, p.arguments::text AS arguments FROM proposal p WHERE p.id = :id;

-- name: proposal_count
-- by: admin
-- out: waiting int8
SELECT count(*) AS waiting FROM proposal WHERE state = 'pending' AND expires_at > now();

-- name: proposal_add
-- by: admin
-- in: operation text, object text, arguments jsonb, roles text[], seconds int8, actor text, request_id text
-- out: outcome text, proposal int8, expires timestamptz, able text[]
SELECT outcome, proposal, expires, able FROM proposal_add(:operation, :object, :arguments, :roles, :seconds, :actor, :request_id);

-- name: proposal_approve
-- by: admin
-- in: id int8, actor text, request_id text
-- out: outcome text
SELECT outcome FROM proposal_approve(:id, :actor, :request_id);

-- name: proposal_reject
-- by: admin
-- in: id int8, reason text, actor text, request_id text
-- out: outcome text
SELECT proposal_reject(:id, :reason, :actor, :request_id) AS outcome;
