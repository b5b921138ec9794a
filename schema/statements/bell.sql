-- What lib/store lends to the bells of lib/db.

-- name: bell_notify
-- by: all, owner
-- in: channels text[]
-- out: pg_notify void
SELECT pg_notify(c, '') FROM unnest(:channels::text[]) AS c;
