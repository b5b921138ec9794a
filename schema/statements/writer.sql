-- What lib/store lends to the group-commit writer of lib/db: its own row, see lib/db/batch.c.

-- name: writer_mark_open
-- by: gateway, admin, owner
-- in: writer text, batch int8
INSERT INTO writer_mark (writer, batch) VALUES (:writer, :batch) ON CONFLICT (writer) DO NOTHING;

-- name: writer_mark_move
-- by: gateway, admin, owner
-- in: writer text, old int8, new int8
-- out: moved int8
-- Zero rows, because a look-up moved the mark on, must end the transaction: division by zero does.
WITH moved AS (UPDATE writer_mark SET batch = :new, at = now() WHERE writer = :writer AND batch = :old RETURNING 1)
SELECT 1 / count(*) AS moved FROM moved;

-- name: writer_mark_lock
-- by: gateway, admin, owner
-- in: writer text
-- out: batch int8
-- The lock waits for the transaction that moves it, if that still runs.
SELECT batch FROM writer_mark WHERE writer = :writer FOR UPDATE;
