"""What the black-box tests share: one running instance for the session, reached only through its sockets."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from instance import Instance  # noqa: E402

# A profile that wants a new key for every certificate, and one that no grant of the tests fits.
PROFILES = [
    {"name": "new-key", "requesters": ["device"], "protocols": ["est", "admin"], "keys": ["p256"], "lifetime": "1h",
     "same_key_renewal": False, "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
     "names": {"types": ["dns"]}},
]


@pytest.fixture(scope="session")
def ca():
    with Instance(profiles=PROFILES, config={"est": {"wait": "20s"}}) as instance:
        yield instance
