"""What the tests of the admin API share: JSON calls as the operator, and checks of its errors.

Every answer is held against the OpenAPI document that the gateway gives of itself (conftest.py fetches it): a member that the
document does not have, or that is not as it says, fails the test that met it.
"""

import copy
import json
import re

import jsonschema
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from instance import make_csr


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time")(lambda v: not isinstance(v, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v))
document = None


def describe(ca):
    """Fetches the document."""
    global document
    with ca.operator() as client:
        document = json.loads(client.request("GET", "/openapi.json").body)


def closed(schema):
    """The schema without room for members it does not name."""
    schema = copy.deepcopy(schema)
    parts = [schema]
    while parts:
        part = parts.pop()
        if isinstance(part, dict) and part.get("type") == "object" and part.get("properties"):
            part["additionalProperties"] = False
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    return schema


def operation(method, path):
    """What the document says of this call, or None."""
    path = path.partition("?")[0]
    for template in sorted(document["paths"], key=lambda t: t.count("{")):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            return document["paths"][template].get(method.lower())
    return None


def check_described(method, path, status, body):
    known = operation(method, path)
    assert known is not None, "%s %s is not in the document" % (method, path)
    if status in (200, 202):
        schema = known["responses"][str(status)]["content"]["application/json"]["schema"]
    else:
        schema = document["components"]["responses"]["problem"]["content"]["application/problem+json"]["schema"]
    validator = jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver("", closed(document)), format_checker=FORMATS)
    wrong = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in validator.iter_errors(body)]
    assert not wrong, (method, path, wrong)


def call(client, method, path, body=None):
    """Status and parsed body of one call."""
    data = json.dumps(body).encode() if body is not None else None
    answer = client.request(method, "/admin/v1/" + path, data, "application/json" if data is not None else None)
    got = json.loads(answer.body)
    check_described(method, "/admin/v1/" + path, answer.status, got)
    return answer.status, got, answer


def refused(client, method, path, body, status, code):
    """The call is refused with this status and code, in the form all errors have."""
    got, problem, answer = call(client, method, path, body)
    assert (got, problem["code"]) == (status, code), problem
    assert answer.header("Content-Type") == "application/problem+json"
    assert problem["status"] == status and problem["reason"] and problem["request_id"]
    return problem


def csr_text(key, common_name=None, names=(), extensions=()):
    import base64
    return base64.b64encode(make_csr(key, common_name, names, extensions).public_bytes(serialization.Encoding.DER)).decode()


def load_cert(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def serial_of(path):
    return "%032x" % load_cert(path).serial_number


def audit(ca, operation, obj):
    """Audit events of an operation on an object, oldest first: actor, outcome, request id."""
    return ca.sql("SELECT actor, outcome, request_id FROM chancery.audit_event WHERE operation = %s AND object = %s ORDER BY id",
                  operation, obj)
