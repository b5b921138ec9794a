-- Audit events: those outside of the statements and functions that leave theirs, and what auditors read.

-- name: audit_add
-- by: gateway, admin
-- in: actor text, operation text, object text, outcome text, request_id text, detail jsonb
-- out: audit_add void
SELECT audit_add(:actor, :operation, :object, :outcome, :request_id, :detail::jsonb);

-- row: event
-- out: id int8, at timestamptz, actor text, role text, operation text, object text, outcome text, request_id text, detail text
e.id, e.at, e.actor, e.role::text AS role, e.operation, e.object, e.outcome, e.request_id, e.detail::text AS detail

-- name: audit_list
-- by: admin
-- in: before int8, span int8, actor text, operation text, object text, outcome text, since timestamptz, until timestamptz, page int8
-- out: {event}, top int8
-- The newest first, among the span of numbers below this one: what a look costs does not grow with what is stored. One row with
-- nulls when none fits.
SELECT {event}, m.top FROM (SELECT least(:before, (SELECT coalesce(max(id), 0) + 1 FROM audit_event)) AS top) AS m
LEFT JOIN LATERAL (
	SELECT * FROM audit_event a WHERE a.id < m.top AND a.id >= m.top - :span
		AND (:actor::text IS NULL OR a.actor = :actor) AND (:operation::text IS NULL OR a.operation = :operation)
		AND (:object::text IS NULL OR a.object = :object) AND (:outcome::text IS NULL OR a.outcome = :outcome)
		AND (:since::timestamptz IS NULL OR a.at >= :since) AND (:until::timestamptz IS NULL OR a.at < :until)
	ORDER BY a.id DESC LIMIT :page) AS e ON true
ORDER BY e.id DESC;

-- name: audit_find
-- by: admin
-- in: id int8
-- out: {event}
SELECT {event} FROM audit_event e WHERE e.id = :id;
