-- What operators see of the queue and say to it.

-- row: reviewed
-- out: id int8, state text, hold text, hold_reason text, hold_until timestamptz, identity text, requester text, proof text,
-- out: protocol text, profile text, names text[], spki bytea, created_at timestamptz, approvals int8, needed int2,
-- out: refusal_word text, refusal text, serial bytea
r.id, r.state, r.hold, r.hold_reason, r.hold_until, i.name AS identity, a.name AS requester, r.proof, r.protocol, r.profile,
r.names, r.spki, r.created_at, request_approvals(r.id, r.requester) AS approvals, r.approvals_needed AS needed, r.refusal_word,
r.refusal, r.serial

-- name: review_list
-- by: admin
-- in: after int8, limit int8
-- out: {reviewed}
-- Those that are held, oldest first.
SELECT {reviewed}
FROM issuance_request r JOIN identity i ON i.id = r.identity LEFT JOIN identity a ON a.id = r.requester
WHERE r.state = 'held' AND r.id > :after ORDER BY r.id LIMIT :limit;

-- name: review_find
-- by: admin
-- in: id int8
-- out: {reviewed}
SELECT {reviewed}
FROM issuance_request r JOIN identity i ON i.id = r.identity LEFT JOIN identity a ON a.id = r.requester
WHERE r.id = :id;

-- name: review_approve
-- by: admin
-- in: id int8, operator int8, actor text, request_id text
-- out: outcome text, approvals int8, needed int8
SELECT outcome, approvals, needed FROM request_approve(:id, :operator, :actor, :request_id);

-- name: review_reject
-- by: admin
-- in: id int8, reason text, actor text, request_id text
-- out: outcome text
SELECT request_reject(:id, :reason, :actor, :request_id) AS outcome;
