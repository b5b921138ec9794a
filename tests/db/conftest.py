"""What the database tests share: a private cluster for the run, a fresh database for each test that asks for one."""

import itertools
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from built import SOURCE, built  # noqa: E402
from pgcluster import Cluster  # noqa: E402

STORE_TOOL = built("tests/db/store_tool")
SCHEMA_DIR = os.path.join(SOURCE, "schema")
numbers = itertools.count(1)


class Database:
    """One database with the schema, and how tests reach it."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.connections = []

    def connect(self, role):
        conn = self.cluster.connect(self.name, role)
        self.connections.append(conn)
        return conn

    def sql(self, role, text, *args):
        """Runs one statement as a role; its rows, or None."""
        conn = self.connect(role)
        with conn.cursor() as cur:
            cur.execute(text, args)
            rows = cur.fetchall() if cur.description else None
        conn.close()
        return rows

    def value(self, role, text, *args):
        return self.sql(role, text, *args)[0][0]

    def tool_argv(self, role, *args):
        return [STORE_TOOL, self.cluster.socket, self.name, role, *[str(a) for a in args]]

    def tool(self, role, *args, check=True):
        done = subprocess.run(self.tool_argv(role, *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def start(self, role, *args):
        return subprocess.Popen(self.tool_argv(role, *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def identity(self, name, kind="device", state="active"):
        return self.value("chancery_owner", "INSERT INTO identity (name, kind, state) VALUES (%s, %s, %s) RETURNING id",
                          name, kind, state)

    def issuer(self, name="ca", kind="issuing"):
        return self.value("chancery_owner",
                          "INSERT INTO issuer (name, kind, der, subject, key_id, spki_hash, not_after) VALUES "
                          "(%s, %s, '\\x00', '\\x00', '\\x00', sha256(%s::bytea), now() + interval '5 years') RETURNING id",
                          name, kind, name)

    def certificate(self, identity, issuer=1, life="8 hours"):
        """A done request with its certificate; the serial."""
        return self.sql(
            "chancery_owner",
            "WITH r AS (INSERT INTO issuance_request (state, protocol, request_id, identity, profile, names, spki, done_at, "
            "serial, cert_not_after) VALUES ('done', 'est', 'r', %s, 'device', '{dns:a.example.org}', uuid_send(gen_random_uuid()), now(), "
            "uuid_send(gen_random_uuid()), now() + %s::interval) RETURNING *), "
            "n AS (INSERT INTO certificate_name SELECT 'dns:a.example.org', serial, cert_not_after FROM r) "
            "INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der) "
            "SELECT %s, serial, cert_not_after, now() - interval '1 minute', identity, id, profile, '\\x02', '\\x03' FROM r "
            "RETURNING serial", identity, life, issuer)[0][0].tobytes()

    def record(self, cur, request, epoch, issuer=1):
        """As a signer records a certificate for what it decided at this epoch: whether it was still authorised."""
        cur.execute("SELECT certificates_record(ARRAY[r.id], ARRAY[%s]::bigint[], ARRAY[r.identity, r.requester], ARRAY[%s]::smallint[], "
                    "ARRAY[uuid_send(gen_random_uuid())], ARRAY[now()], ARRAY[now() + interval '1 hour'], ARRAY['\\x00']::bytea[], "
                    "ARRAY[sha256(r.spki)], ARRAY['dev']) FROM issuance_request r WHERE r.id = %s", (epoch, issuer, request))
        return cur.fetchall() == [(request,)]

    def epoch(self, request):
        """What a signer notes with what it decides by."""
        return self.value("chancery_signer", "SELECT epoch FROM request_authority WHERE id = %s", request)

    def request(self, identity, **columns):
        names = ["identity"] + list(columns)
        return self.value(
            "chancery_owner",
            "INSERT INTO issuance_request (protocol, request_id, profile, names, spki, %s) VALUES "
            "('est', 'r', 'device', '{dns:a.example.org}', '\\x01', %s) RETURNING id" % (
                ", ".join(names), ", ".join(["%s"] * len(names))), identity, *columns.values())

    def close(self):
        for conn in self.connections:
            conn.close()


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as pg:
        yield pg


@pytest.fixture
def own_cluster():
    """For tests that stop or kill it."""
    with Cluster() as pg:
        yield pg


def fresh(pg):
    return Database(pg, pg.database("chancery_%d" % next(numbers), STORE_TOOL, SCHEMA_DIR))


@pytest.fixture
def db(cluster):
    database = fresh(cluster)
    yield database
    database.close()


@pytest.fixture
def own_db(own_cluster):
    database = fresh(own_cluster)
    yield database
    database.close()
