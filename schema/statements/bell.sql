-- What lib/store lends to the bells of lib/db.

-- name: bell_lives
-- by: all, owner
-- in: pid int4
-- out: lives bool
-- Whether the server has a connection of this program with this process of its own.
SELECT EXISTS (SELECT 1 FROM pg_stat_get_activity(:pid)
	WHERE split_part(application_name, ' ', 1) = split_part(current_setting('application_name'), ' ', 1)) AS lives;

-- name: bell_notify
-- by: all, owner
-- in: channels text[], place text
-- out: pg_notify void
-- The payload says who has heard it already: all in this place.
SELECT pg_notify(c, :place) FROM unnest(:channels::text[]) AS c;

-- name: bell_others
-- by: all, owner
-- in: name text, place text
-- out: set text, others bool
-- Under this name a session tells where it listens, as its last word; does any listen elsewhere? "-": at no place that others share.
SELECT set_config('application_name', :name, false) AS set, EXISTS (
	SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND split_part(application_name, ' ', 2) <> :place
		AND split_part(application_name, ' ', 2) ~ '^([0-9a-f]{8}|-)$') AS others;
