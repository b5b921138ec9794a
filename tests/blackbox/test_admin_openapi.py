"""The OpenAPI document: it is one, it is true of what the gateway serves, and it is for operators. That every answer is as it
says is proven by all tests that use admin.call()."""

import json
import os
import subprocess

import pytest

import admin
from admin import call, refused
from built import BUILD


def described():
    return [(path, method, op) for path, item in admin.document["paths"].items() for method, op in item.items()]


def concrete(path):
    return path.replace("{serial}", "11" * 16).replace("{id}", "1")


def test_the_document_is_valid_openapi_3_1(ca, tmp_path):
    assert admin.document["openapi"].startswith("3.1.")
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(admin.document))
    validator = os.path.join(BUILD, "venv", "bin", "openapi-spec-validator")
    assert os.path.exists(validator), "tests/run blackbox installs it, from PyPI"
    done = subprocess.run([validator, "--schema", "3.1", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(json.dumps(dict(admin.document, paths={"no-slash": {}})))
    assert subprocess.run([validator, "--schema", "3.1", str(path)], capture_output=True).returncode != 0


def test_both_paths_give_it_and_only_to_operators(ca):
    with ca.operator() as c:
        assert call(c, "GET", "openapi.json")[1] == admin.document
        assert json.loads(c.request("POST", "/openapi.json", b"{}", "application/json").body)["code"] == "method-not-allowed"
    ca.add_identity("curious", "device")
    with pytest.raises(OSError), ca.client(*ca.issue("curious", "device"), port=ca.admin_port) as c:
        c.request("GET", "/openapi.json")


def test_the_program_serves_what_the_document_has(ca):
    """Each path has the methods of the document and no other; the reverse is tests/unit/admin/api."""
    with ca.operator() as c:
        for path, item in admin.document["paths"].items():
            answer = c.request("DELETE", concrete(path))
            allowed = set(answer.header("Allow").split(", ")) - {"HEAD"}
            assert (answer.status, allowed) == (405, {m.upper() for m in item}), path


def test_the_program_requires_what_the_document_requires(ca):
    with ca.operator() as c:
        for path, method, op in described():
            wanted = [p["name"] for p in op["parameters"] if p["required"] and p["in"] == "query"]
            body = op.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            missing = wanted + body.get("required", [])
            if missing:
                problem = call(c, method.upper(), concrete(path)[len("/admin/v1/"):], {} if body else None)
                assert problem[0] == 400 and '"%s" is missing' % missing[0] in problem[1]["reason"], (path, problem)


def test_the_program_refuses_what_the_document_does_not_have(ca):
    with ca.operator() as c:
        for path, method, op in described():
            path = concrete(path)[len("/admin/v1/"):]
            body = {"surprise": 1} if method == "post" else None
            problem = call(c, method.upper(), path + ("" if body else "?surprise=1"), body)
            assert problem[0] == 400 and '"surprise"' in problem[1]["reason"], (path, problem)
            if body:
                problem = call(c, "POST", path + "?surprise=1", {})
                assert problem[0] == 400 and '"surprise"' in problem[1]["reason"], (path, problem)


@pytest.mark.parametrize("answer", [{"issuers": [], "more": 1}, {}, {"issuers": [1]}, {"issuers": None}])
def test_an_answer_that_is_not_as_described_is_noticed(ca, answer):
    with pytest.raises(AssertionError, match="issuers|more"):
        admin.check_described("POST", "/admin/v1/crl/publish", 200, answer)
