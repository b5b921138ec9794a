-- An issuing CA may be limited to profiles; and issuers have a feed, so that nobody reads the whole table to see that
-- nothing has changed.

ALTER TABLE issuer
	ADD COLUMN profiles text[],                 -- names of the profiles it certifies under; NULL: any
	ADD COLUMN xid      xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX issuer_xid ON issuer (xid);

CREATE FUNCTION issuer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.xid := pg_current_xact_id();
	RETURN NEW;
END $$;
CREATE TRIGGER issuer_changed BEFORE UPDATE ON issuer FOR EACH ROW EXECUTE FUNCTION issuer_changed();
