-- What does not grow with what is stored. Feeds are read by pages, each after the last row of the one before.
DROP INDEX revocation_xid;
CREATE INDEX revocation_feed ON revocation (xid, serial);
DROP INDEX certificate_xid;
CREATE INDEX certificate_feed ON certificate (xid, serial);
DROP INDEX identity_xid;
CREATE INDEX identity_feed ON identity (xid, id);
-- A CRL's entries are, too: those of certificates that live longest last.
DROP INDEX revocation_crl;
CREATE INDEX revocation_entries ON revocation (issuer, not_after, serial);
-- A CRL is read by parts, and the oldest mark is found at once.
ALTER TABLE crl ALTER COLUMN der SET STORAGE EXTERNAL;
CREATE INDEX crl_dirty_oldest ON crl_dirty (issuer, id);
