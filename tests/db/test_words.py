"""schema/words.txt in the database: every pair of states is walked, a word that is not listed is refused."""

import pathlib
import re
import sys

import psycopg2
import pytest

from conftest import SCHEMA_DIR, fresh

sys.path.insert(0, SCHEMA_DIR)
from words import Mistake, read_lists  # noqa: E402

OWNER = "chancery_owner"
LISTS = read_lists(pathlib.Path(SCHEMA_DIR) / "words.txt")
STORED = [l for l in LISTS if l.stored]
PAIRS = [(l, old, new) for l in STORED if l.kind == "machine" for old in l.texts for new in l.texts if old != new]


@pytest.fixture(scope="module")
def db(cluster):
    """A row in each table that has words."""
    database = fresh(cluster)
    database.identity("someone")
    database.issuer()
    database.request(1)
    database.sql(OWNER, "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('a', 1, sha256('a'), '{}')")
    database.sql(OWNER, "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES ('z', 'a', 'dns:x.example', now())")
    database.sql(OWNER, "INSERT INTO acme_challenge (id, \"authorization\", type, token) VALUES ('c', 'z', 'http-01', 't')")
    database.sql(OWNER, "INSERT INTO audit_event (actor, operation, outcome) VALUES ('x', 'x', 'ok')")
    database.sql(OWNER, "INSERT INTO proposal (operation, object, arguments, roles, proposer, expires_at) VALUES ('x', 'x', '{}', '{}', 'x', now())")
    database.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (1, 'officer', 'x')")
    yield database
    database.close()


@pytest.fixture
def cursor(db):
    """A transaction of the owner's that is rolled back."""
    conn = db.cluster.connect(db.name, OWNER)
    conn.autocommit = False
    with conn.cursor() as cur:
        yield cur
    conn.close()


def put(cur, l, word):
    """The state a walk begins with, however the row came by it."""
    cur.execute(f"ALTER TABLE {l.table} DISABLE TRIGGER USER")
    cur.execute(f"UPDATE {l.table} SET {l.column} = %s", (word,))
    assert cur.rowcount == 1
    cur.execute(f"ALTER TABLE {l.table} ENABLE TRIGGER USER")


@pytest.mark.parametrize("l,old,new", PAIRS, ids=[f"{l.name}-{old}-{new}" for l, old, new in PAIRS])
def test_only_listed_moves_are_made(cursor, l, old, new):
    put(cursor, l, old)
    if (old, new) in [m[:2] for m in l.moves]:
        cursor.execute(f"UPDATE {l.table} SET {l.column} = %s", (new,))
    else:
        with pytest.raises(psycopg2.errors.TriggeredDataChangeViolation) as refusal:
            cursor.execute(f"UPDATE {l.table} SET {l.column} = %s", (new,))
        assert refusal.value.diag.message_primary == f'{l.column} "{old}" does not become "{new}" in {l.table}'


@pytest.mark.parametrize("l", [l for l in STORED if l.kind == "machine"], ids=lambda l: l.name)
def test_a_state_that_stays_is_no_move(cursor, l):
    for word in l.texts:
        put(cursor, l, word)
        cursor.execute(f"UPDATE {l.table} SET {l.column} = {l.column}")


@pytest.mark.parametrize("l", STORED, ids=lambda l: l.name)
def test_word_that_is_not_listed_is_refused(cursor, l):
    cursor.execute(f"ALTER TABLE {l.table} DISABLE TRIGGER USER")
    for word in l.texts:
        cursor.execute(f"UPDATE {l.table} SET {l.column} = %s", (word,))
    with pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute(f"UPDATE {l.table} SET {l.column} = 'no-such-word'")


@pytest.mark.parametrize("l", [l for l in STORED if l.kind == "machine"], ids=lambda l: l.name)
def test_a_row_is_born_in_its_initial_state(db, l):
    default = db.value(OWNER, "SELECT column_default FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
                       l.table, l.column)
    assert [default] == [f"'{w.text}'::text" for w in l.words if w.initial]


@pytest.mark.parametrize("l", [l for l in LISTS if not l.stored], ids=lambda l: l.name)
def test_view_computes_the_listed_states_only(db, l):
    view = db.value("postgres", "SELECT pg_get_viewdef(%s::regclass)", f"chancery.{l.table}")
    assert set(re.findall(r"(?:THEN|ELSE) '(\w+)'", view)) == set(l.texts)


@pytest.mark.parametrize("damage", ["ALTER TABLE identity DROP CONSTRAINT identity_state_check", "DROP TRIGGER identity_state_moves ON identity",
                                    "COMMENT ON CONSTRAINT identity_state_check ON identity IS 'CHECK (true)'"])
def test_applying_mends_what_is_missing_or_old(cluster, damage):
    database = fresh(cluster)
    database.sql(OWNER, damage)
    database.tool("postgres", "schema-apply", SCHEMA_DIR)
    database.identity("gone", state="retired")
    with pytest.raises(psycopg2.errors.TriggeredDataChangeViolation):
        database.sql(OWNER, "UPDATE identity SET state = 'active'")
    with pytest.raises(psycopg2.errors.CheckViolation):
        database.identity("odd", state="odd")
    database.close()


def test_what_is_as_it_should_be_is_left_alone(cluster):
    database = fresh(cluster)
    made = "SELECT oid FROM pg_constraint UNION ALL SELECT oid FROM pg_trigger ORDER BY 1"
    before = database.sql("postgres", made)
    database.tool("postgres", "schema-apply", SCHEMA_DIR)
    assert database.sql("postgres", made) == before
    database.close()


HEAD = "machine m M t.c\na initial: x\nb: x\n"
MISTAKES = [
    ("a: x\n", "1: a word stands under no list"),
    (HEAD + "a: x\n", '4: "a: x" is no word of m'),
    (HEAD + "a -> c: x\n", '4: "a -> c" is no move of m'),
    (HEAD + "a -> b: x\na -> b: y\n", '5: "a -> b" is no move of m'),
    (HEAD + "\n", "4: m: nothing leads to b"),
    ("vocabulary v V t.c\na initial: x\n", '2: "a initial: x" is no word of v'),
    ("vocabulary v V t.c\na: x\n\nvocabulary v V t.d\n", '4: "v" stands twice'),
]


@pytest.mark.parametrize("text,words", MISTAKES, ids=[words.split(": ", 1)[1] for _, words in MISTAKES])
def test_mistake_in_the_list_is_told_with_its_place(tmp_path, text, words):
    file = tmp_path / "words.txt"
    file.write_text(text)
    with pytest.raises(Mistake, match="^" + str(file) + ":" + words.replace("(", "\\(")):
        read_lists(file)
