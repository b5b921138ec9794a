"""`ca-admin schema apply`: once, twice, at the same time, without rights, on other versions."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import SCHEMA_DIR, STORE_TOOL, Database, fresh

VERSION = len(list(pathlib.Path(SCHEMA_DIR).glob("[0-9]*.sql")))


def apply(cluster, database, user, directory=SCHEMA_DIR):
    return subprocess.run([STORE_TOOL, cluster.socket, database, user, "schema-apply", directory],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def empty_database(cluster, name, owner="postgres"):
    conn = cluster.connect("postgres", "postgres")
    conn.cursor().execute("CREATE DATABASE %s OWNER %s" % (name, owner))
    conn.close()
    return name


STRUCTURE = """
    SELECT 'column', table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'chancery'
    UNION ALL SELECT 'grant', grantee, table_name, privilege_type FROM information_schema.table_privileges WHERE table_schema = 'chancery'
    UNION ALL SELECT 'columngrant', grantee, table_name || column_name, privilege_type FROM information_schema.column_privileges
        WHERE table_schema = 'chancery'
    UNION ALL SELECT 'function', proname, proacl::text, '' FROM pg_proc WHERE pronamespace = 'chancery'::regnamespace
    UNION ALL SELECT 'relation', relname, relkind::text, relowner::regrole::text FROM pg_class
        WHERE relnamespace = 'chancery'::regnamespace ORDER BY 1, 2, 3, 4"""


def test_applying_twice_changes_nothing(db):
    before = db.sql("postgres", STRUCTURE)
    done = apply(db.cluster, db.name, "postgres")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"schema is at version {VERSION}, grants are in place"]
    assert db.sql("postgres", STRUCTURE) == before


@pytest.mark.parametrize("where", ["", " IN DATABASE {}"])
def test_what_a_role_has_set_for_itself_is_taken_back(db, where):
    limits = {name: db.value("chancery_gateway", "SHOW " + name) for name in ("statement_timeout", "temp_file_limit")}
    db.sql("chancery_gateway", "ALTER ROLE chancery_gateway" + where.format(db.name) + " SET statement_timeout = 0")
    db.sql("chancery_gateway", "ALTER ROLE chancery_gateway" + where.format(db.name) + " SET default_transaction_read_only = on")
    assert 'role "chancery_gateway": limits set' in apply(db.cluster, db.name, "postgres").stdout
    assert db.value("chancery_gateway", "SHOW default_transaction_read_only") == "off"
    assert {name: db.value("chancery_gateway", "SHOW " + name) for name in limits} == limits == {"statement_timeout": "10s", "temp_file_limit": "1GB"}


def test_owner_may_apply_again_without_being_superuser(db):
    done = apply(db.cluster, db.name, "chancery_owner")
    assert done.returncode == 0, done.stderr


def test_everything_belongs_to_the_owner_role(db):
    assert db.sql("postgres", "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'chancery'::regnamespace"
                  ) == [("chancery_owner",)]


def test_two_at_the_same_time_follow_each_other(cluster, db):
    name = empty_database(cluster, "twice_at_once")
    running = [subprocess.Popen([STORE_TOOL, cluster.socket, name, "postgres", "schema-apply", SCHEMA_DIR],
                                stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [p.communicate(timeout=60)[0] for p in running]
    assert [p.returncode for p in running] == [0, 0]
    assert sum(o.count("applied") for o in outputs) == VERSION


def test_role_with_createrole_and_its_own_database_is_enough(own_cluster):
    conn = own_cluster.connect("postgres", "postgres")
    conn.cursor().execute("CREATE ROLE dba LOGIN CREATEROLE")
    conn.close()
    name = empty_database(own_cluster, "theirs", "dba")
    done = apply(own_cluster, name, "dba")
    assert done.returncode == 0, done.stderr
    assert Database(own_cluster, name).tool("chancery_gateway", "open").stdout.startswith("store_tool@")


def test_user_without_rights_is_told_what_an_administrator_must_run(own_cluster):
    conn = own_cluster.connect("postgres", "postgres")
    conn.cursor().execute("CREATE ROLE nobody_much LOGIN")
    conn.close()
    done = apply(own_cluster, empty_database(own_cluster, "bare"), "nobody_much")
    assert done.returncode == 1
    assert 'denied' in done.stderr and 'CREATE ROLE chancery_owner LOGIN' in done.stderr


def test_program_refuses_a_database_without_schema_and_names_the_remedy(cluster, db):
    name = empty_database(cluster, "no_schema")
    done = Database(cluster, name).tool("chancery_gateway", "open", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("conflict:") and 'run "ca-admin schema apply"' in done.stderr


def test_program_refuses_an_older_schema_and_names_the_remedy(db):
    db.sql("chancery_owner", f"DELETE FROM schema_version WHERE version = {VERSION}")
    done = db.tool("chancery_gateway", "open", check=False)
    assert done.returncode == 1
    assert f"has version {VERSION - 1} and this program needs {VERSION}" in done.stderr and 'run "ca-admin schema apply"' in done.stderr


def test_program_and_apply_refuse_a_newer_schema_and_name_the_remedy(db):
    db.sql("chancery_owner", "INSERT INTO schema_version VALUES (%d, 'later')" % (VERSION + 1))
    for done in (db.tool("chancery_signer", "open", check=False), apply(db.cluster, db.name, "postgres")):
        assert done.returncode == 1
        assert f"has version {VERSION + 1} and this program knows {VERSION}: install the newer programs" in done.stderr


def test_unreachable_database_is_unavailable_not_a_conflict(db):
    done = subprocess.run([STORE_TOOL, db.cluster.top, db.name, "chancery_gateway", "open"], stderr=subprocess.PIPE, text=True,
                          timeout=30, check=False)
    assert done.returncode == 1 and done.stderr.startswith("unavailable:")


@pytest.mark.parametrize("damage", ["missing", "extra", "no directory"])
def test_directory_that_does_not_fit_the_program_is_refused(cluster, db, tmp_path, damage):
    directory = tmp_path / "schema"
    shutil.copytree(SCHEMA_DIR, directory)
    if damage == "missing":
        (directory / "0002_acme.sql").unlink()
    elif damage == "extra":
        (directory / "0004_later.sql").write_text("SELECT 1;")
    else:
        shutil.rmtree(directory)
    done = apply(cluster, empty_database(cluster, "d_" + damage[:2]), "postgres", str(directory))
    assert done.returncode == 1
    assert str(directory) in done.stderr


def test_failing_migration_leaves_the_version_before_it(cluster, db, tmp_path):
    directory = tmp_path / "schema"
    shutil.copytree(SCHEMA_DIR, directory)
    with open(directory / "0002_acme.sql", "a") as f:
        f.write("\nSELECT no_such_column;\n")
    name = empty_database(cluster, "half")
    done = apply(cluster, name, "postgres", str(directory))
    assert done.returncode == 1 and "0002_acme.sql" in done.stderr and "no_such_column" in done.stderr
    half = Database(cluster, name)
    assert half.value("postgres", "SELECT max(version) FROM schema_version") == 1
    assert half.value("postgres", "SELECT to_regclass('chancery.acme_account')") is None
    assert apply(cluster, name, "postgres").returncode == 0


def test_fresh_databases_are_alike(cluster, db):
    assert db.sql("postgres", STRUCTURE) == fresh(cluster).sql("postgres", STRUCTURE)
