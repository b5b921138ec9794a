-- The signer's profiles as it read them.

-- name: profile_publish
-- by: signer
-- in: names text[], definitions text[]
WITH gone AS (DELETE FROM profile WHERE name <> ALL (:names::text[]))
INSERT INTO profile (name, definition) SELECT p.name, p.definition::jsonb
FROM unnest(:names::text[], :definitions::text[]) AS p (name, definition)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, published_at = now();
