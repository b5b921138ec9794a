import itertools

import pytest

import harness
import material


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return material.Material(tmp_path_factory.mktemp("material"))


@pytest.fixture
def start(tmp_path, pki):
    """Starts servers and requires of each that it ends cleanly."""
    started, number = [], itertools.count()

    def go(tls=True, **options):
        n = next(number)
        directory = pki.server_directory(f"server-{tmp_path.name}-{n}") if tls is True else tls or None
        server = harness.Server(tmp_path / f"log{n}", directory, **options)
        started.append(server)
        return server

    yield go
    for server in started:
        code = server.stop()
        assert code == 0, server.log()
        assert "Sanitizer" not in server.log(), server.log()


@pytest.fixture
def good(pki):
    return harness.context(pki.root_file(), pki.client_files(pki.good))


@pytest.fixture(params=["plain", "tls"])
def either(request, start, good):
    """A server and how to connect to it, once plain and once with TLS."""
    server = start(tls=request.param == "tls")
    return server, lambda: harness.connect(server, good if request.param == "tls" else None)
