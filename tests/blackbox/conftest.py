"""What the black-box tests share: one running instance for the session, reached only through its sockets."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import admin  # noqa: E402
from instance import Instance  # noqa: E402

DEVICE = {"requesters": ["device"], "protocols": ["est", "admin"], "keys": ["p256"], "lifetime": "1h",
          "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}
# One wants a new key for every certificate, one has a subject of two parts; two judge the subjects of requests.
PROFILES = [
    {"name": "new-key", "same_key_renewal": False, **DEVICE},
    {"name": "org", "subject": {"common_name": "identity", "organization": "Chancery tests"}, "csr_subject": "refuse", **DEVICE},
    {"name": "refuse", "csr_subject": "refuse", **DEVICE},
    {"name": "pin", "csr_subject": "pin", **DEVICE},
    {"name": "brief", **dict(DEVICE, lifetime="30m")},
]
CONFIG = {"est": {"wait": "20s", "labels": [{"name": "devices", "profile": "device"}, {"name": "meshes", "profile": "workload"},
                                            {"name": "new-keys", "profile": "new-key"}, {"name": "refuse", "profile": "refuse"},
                                            {"name": "pin", "profile": "pin"}]}}


@pytest.fixture(scope="session")
def ca():
    with Instance(profiles=PROFILES, config=CONFIG) as instance:
        admin.describe(instance)
        yield instance
