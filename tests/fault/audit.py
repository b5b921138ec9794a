"""What must be true of ledger and database after any fault. Each check is a query with the rows that break it; the ledger's
part compares what clients hold with what is recorded."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from httpclient import Client
from pgcluster import wait_for

BROKEN = {
    "a serial twice": "SELECT encode(serial, 'hex') FROM certificate GROUP BY serial HAVING count(*) > 1",
    "a request with two certificates": "SELECT request FROM certificate GROUP BY request HAVING count(*) > 1",
    "a certificate without its request": "SELECT encode(c.serial, 'hex') FROM certificate c LEFT JOIN issuance_request r "
        "ON r.id = c.request AND r.state = 'done' AND r.serial = c.serial AND r.cert_not_after = c.not_after WHERE r.id IS NULL",
    "a finished request without its certificate": "SELECT r.id FROM issuance_request r LEFT JOIN certificate c "
        "ON c.serial = r.serial AND c.not_after = r.cert_not_after WHERE r.state = 'done' AND c.serial IS NULL",
    "a certificate without its audit event": "SELECT encode(c.serial, 'hex') FROM certificate c WHERE 1 <> (SELECT count(*) "
        "FROM audit_event a WHERE a.operation = 'certificate.issue' AND a.outcome = 'ok' AND a.object = encode(c.serial, 'hex'))",
    "an audit event without its certificate": "SELECT a.object FROM audit_event a WHERE a.operation = 'certificate.issue' "
        "AND a.outcome = 'ok' AND NOT EXISTS (SELECT 1 FROM certificate c WHERE encode(c.serial, 'hex') = a.object)",
    "a certificate without its names": "SELECT encode(c.serial, 'hex') FROM certificate c JOIN issuance_request r ON r.id = c.request "
        "WHERE cardinality(r.names) <> (SELECT count(*) FROM certificate_name n WHERE n.serial = c.serial)",
    "a certificate for another key than asked": "SELECT r.id FROM certificate c JOIN issuance_request r ON r.id = c.request "
        "WHERE c.spki_hash <> sha256(r.spki)",
    "an enrollment recorded twice": "SELECT array_agg(id) FROM issuance_request WHERE protocol = 'est' AND state <> 'refused' "
        "GROUP BY identity, profile, names, spki HAVING count(*) > 1",
    "an order whose request is gone": "SELECT o.id FROM acme_order o LEFT JOIN issuance_request r ON r.id = o.request "
        "WHERE o.request IS NOT NULL AND r.acme_order IS DISTINCT FROM o.id",
    "a request that still waits": "SELECT id FROM issuance_request WHERE state = 'pending'",
    "a request refused": "SELECT id, refusal FROM issuance_request WHERE state = 'refused'",
}


def broken(query, acks, refusals=()):
    """Everything that is wrong, as texts. query(sql, *args) returns rows."""
    found = []
    for what, sql in BROKEN.items():
        rows = [r for r in query(sql) if not (what == "a request refused" and any(w in r[1] for w in refusals))]
        if rows:
            found.append("%s: %r" % (what, rows[:3]))
    recorded = {bytes(r[0]): (bytes(r[1]), bytes(r[2]), r[3]) for r in query(
        "SELECT c.serial, c.der, c.spki_hash, i.name FROM certificate c JOIN identity i ON i.id = c.identity")}
    for ack in acks:
        row = recorded.get(ack.serial)
        if row is None:
            found.append("acknowledged to %s but not recorded: %s" % (ack.identity, ack.serial.hex()))
        elif row != (ack.der, hashlib.sha256(ack.spki).digest(), ack.identity):
            found.append("recorded otherwise than acknowledged to %s: %s" % (ack.identity, ack.serial.hex()))
    if len({a.serial for a in acks}) != len(acks):
        found.append("one certificate was given for two wishes")
    return found


def ocsp_status(client, issuer, cert):
    request = ocsp.OCSPRequestBuilder().add_certificate(cert, issuer, hashes.SHA1()).build()
    body = request.public_bytes(serialization.Encoding.DER)
    answer = client.request("POST", "/ocsp", body, "application/ocsp-request")
    assert answer.status == 200, answer
    parsed = ocsp.load_der_ocsp_response(answer.body)
    if parsed.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return str(parsed.response_status)
    assert parsed.serial_number == cert.serial_number
    return parsed.certificate_status.name


def served(site, acks, status="GOOD", limit=300):
    """OCSP and `ca-admin cert show` know the newest of them."""
    with open(site.issuing, "rb") as f:
        issuer = x509.load_pem_x509_certificate(f.read())
    with Client("127.0.0.1", site.public_port) as c:
        for ack in acks[-limit:]:
            cert = x509.load_der_x509_certificate(ack.der)
            wait_for(lambda cert=cert: ocsp_status(c, issuer, cert) == status, 15, "OCSP says %s of %s" % (status, ack.serial.hex()))
    for ack in acks[-3:]:
        assert site.admin("cert", "show", ack.serial.hex())["serial"] == ack.serial.hex()


def audit(site, acks, refusals=()):
    wait_for(lambda: site.sql("SELECT count(*) FROM issuance_request WHERE state = 'pending'", role=site.pg.superuser)[0][0] == 0, 30,
             "all waiting requests are answered")
    found = broken(lambda sql, *args: site.sql(sql, *args, role=site.pg.superuser), acks, refusals)
    assert not found, "\n".join(found)
    served(site, acks)
