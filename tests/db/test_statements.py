"""Every statement of schema/statements against the real schema: parameters, columns and rights are what its head says."""

import ctypes
import ctypes.util
import os
import pathlib
import subprocess
import sys

import psycopg2
import pytest

from conftest import SCHEMA_DIR, fresh

DIRECTORY = pathlib.Path(SCHEMA_DIR, "statements")
sys.path.insert(0, str(DIRECTORY))
import generate  # noqa: E402

STATEMENTS = [s for f in generate.read_files(sorted(DIRECTORY.glob("*.sql"))) for s in f.statements]


class Described:
    """One prepared statement as the server describes it (libpq's PQdescribePrepared, which Python's driver does not have)."""

    def __init__(self, socket, database, role, sql):
        lib = ctypes.CDLL(ctypes.util.find_library("pq"))
        for name, result in (("PQconnectdb", ctypes.c_void_p), ("PQprepare", ctypes.c_void_p), ("PQfname", ctypes.c_char_p),
                             ("PQdescribePrepared", ctypes.c_void_p), ("PQresultErrorMessage", ctypes.c_char_p),
                             ("PQparamtype", ctypes.c_uint), ("PQftype", ctypes.c_uint)):
            getattr(lib, name).restype = result
        conn = ctypes.c_void_p(lib.PQconnectdb(b"host=%s dbname=%s user=%s options='-csearch_path=chancery'" % (socket.encode(), database.encode(), role.encode())))
        done = ctypes.c_void_p(lib.PQprepare(conn, b"s", sql.encode(), 0, None))
        self.refusal = lib.PQresultErrorMessage(done).decode()
        told = ctypes.c_void_p(lib.PQdescribePrepared(conn, b"s"))
        self.parameters = [lib.PQparamtype(told, i) for i in range(lib.PQnparams(told))]
        self.columns = [(lib.PQfname(told, i).decode(), lib.PQftype(told, i)) for i in range(lib.PQnfields(told))]
        for result in (done, told):
            lib.PQclear(result)
        lib.PQfinish(conn)


@pytest.fixture(scope="module")
def module_db(cluster):
    database = fresh(cluster)
    yield database
    database.close()


@pytest.fixture(scope="module")
def types(module_db):
    """Number of a type -> its name as the heads have it."""
    rows = module_db.sql("postgres", "SELECT t.oid, t.typname, e.typname FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid")
    return {oid: element + "[]" if element else name for oid, name, element in rows}


@pytest.mark.parametrize("statement", STATEMENTS, ids=[s.name for s in STATEMENTS])
def test_parameters_and_columns_are_as_declared(module_db, types, statement):
    db = module_db
    told = Described(db.cluster.socket, db.name, "chancery_" + statement.by[0], statement.sql)
    assert told.refusal == ""
    assert [types[t] for t in told.parameters] == [p.type for p in statement.parameters]
    assert [(name, types[t]) for name, t in told.columns] == [tuple(c) for c in statement.columns]


@pytest.mark.parametrize("statement", STATEMENTS, ids=[s.name for s in STATEMENTS])
def test_roles_that_run_it_may(module_db, statement):
    """EXPLAIN asks for the rights that running asks for, and runs nothing."""
    for role in statement.by:
        conn = module_db.connect("chancery_" + role)
        cur = conn.cursor()
        cur.execute("PREPARE s AS " + statement.sql.replace("%", "%%"), ())
        arguments = "(%s)" % ", ".join(["NULL"] * len(statement.parameters)) if statement.parameters else ""
        cur.execute("EXPLAIN EXECUTE s" + arguments)
        conn.close()


def test_role_without_rights_is_told(module_db):
    statement = next(s for s in STATEMENTS if s.name == "claim_issue")
    conn = module_db.connect("chancery_gateway")
    cur = conn.cursor()
    cur.execute("PREPARE s AS " + statement.sql)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cur.execute("EXPLAIN EXECUTE s(%s)" % ", ".join(["NULL"] * len(statement.parameters)))


# What stops the build, and with which words.
HEAD = "-- name: n\n-- by: gateway\n"
MISTAKES = [
    ("-- name: n\n-- out: a int4\nSELECT 1 AS a;\n", '1: statement n: "by" is missing'),
    ("-- name: n\n-- by: nobody\nSELECT 1;\n", '2: statement n: no role "nobody"'),
    (HEAD + "SELECT 1;\n", '1: statement n: "out" is missing'),
    (HEAD + "-- out: a int4\nDELETE FROM t;\n", '1: statement n: it has no columns'),
    (HEAD + "-- in: a int4\nDELETE FROM t WHERE a = :a AND b = :b;\n", '4: statement n: parameter "b" is unknown'),
    (HEAD + "-- in: a int4, b int4\nDELETE FROM t WHERE a = :a;\n", '1: statement n: parameter "b" is not used'),
    (HEAD + "-- in: a int4, a int8\nDELETE FROM t WHERE a = :a;\n", '3: statement n: parameter "a" stands twice'),
    (HEAD + "-- in: a money\nDELETE FROM t WHERE a = :a;\n", '3: statement n: "a money" is no parameter'),
    (HEAD + "-- in: a text null 0\nDELETE FROM t WHERE a = :a;\n", '3: statement n: "a text null 0" is no parameter'),
    (HEAD + "DELETE FROM t WHERE a = $1;\n", "3: statement n: a parameter is written :name"),
    (HEAD + "DELETE FROM t WHERE {cold};\n", '3: statement n: fragment "cold" is unknown'),
    (HEAD + "-- out: {row}\nSELECT 1;\n", '1: statement n: no row "row"'),
    (HEAD + "-- out: a int4, a int4\nSELECT 1 AS a, 2 AS a;\n", '3: statement n: column "a" stands twice'),
    (HEAD + "DELETE FROM t\n", "1: statement n: it does not end in a semicolon"),
    (HEAD + "DELETE FROM t; DELETE FROM u;\n", "3: statement n: something stands behind its semicolon"),
    (HEAD + "DELETE FROM t;\n" + HEAD + "DELETE FROM u;\n", "4: statement n: stands in"),
    (HEAD + "DELETE FROM t;\n-- fragment: f\na = 1\n", "4: fragment f: no statement uses it"),
    ("DELETE FROM t;\n", "1: text stands under no name"),
    ("-- by: gateway\n", '1: "by" stands under no name'),
]


@pytest.mark.parametrize("text,words", MISTAKES, ids=[words.split(": ", 1)[1] for _, words in MISTAKES])
def test_mistake_ends_the_build_with_its_place(tmp_path, text, words):
    file = tmp_path / "wrong.sql"
    file.write_text(text)
    done = subprocess.run([sys.executable, str(DIRECTORY / "generate.py"), str(tmp_path), str(file)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:{words}")
    assert not os.path.exists(tmp_path / "statements.c")
