"""What the tests of the admin API share: JSON calls as the operator, and checks of its errors."""

import json

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from instance import make_csr


def call(client, method, path, body=None):
    """Status and parsed body of one call."""
    data = json.dumps(body).encode() if body is not None else None
    answer = client.request(method, "/admin/v1/" + path, data, "application/json" if data is not None else None)
    return answer.status, json.loads(answer.body), answer


def refused(client, method, path, body, status, code):
    """The call is refused with this status and code, in the form all errors have."""
    got, problem, answer = call(client, method, path, body)
    assert (got, problem["code"]) == (status, code), problem
    assert answer.header("Content-Type") == "application/problem+json"
    assert problem["status"] == status and problem["reason"] and problem["request_id"]
    return problem


def csr_text(key, common_name=None, names=()):
    import base64
    return base64.b64encode(make_csr(key, common_name, names).public_bytes(serialization.Encoding.DER)).decode()


def load_cert(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def serial_of(path):
    return "%032x" % load_cert(path).serial_number


def audit(ca, operation, obj):
    """Audit events of an operation on an object, oldest first: actor, outcome, request id."""
    return ca.sql("SELECT actor, outcome, request_id FROM chancery.audit_event WHERE operation = %s AND object = %s ORDER BY id",
                  operation, obj)
