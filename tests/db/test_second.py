"""What waits for a second operator: when it waits, who may say yes, what is asked again then, and calls that meet."""

import json
import threading

import psycopg2
import pytest

OWNER, ADMIN = "chancery_owner", "chancery_admin"


class Team:
    """Administrators alice, bob and carol and officer dora can log in; administrator eve was added and never enrolled."""

    def __init__(self, db):
        self.db, self.serials = db, {}
        db.issuer()
        for name, role in (("alice", "administrator"), ("bob", "administrator"), ("carol", "administrator"), ("dora", "officer"),
                           ("eve", "administrator")):
            number = db.identity(name, "operator")
            db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, %s, 'init')", number, role)
            if name != "eve":
                self.serials[name] = db.certificate(number)

    def propose(self, who, operation, arguments, roles=("administrator",), seconds=3600):
        found = arguments.get("name") or arguments.get("identity")
        return self.db.sql(ADMIN, "SELECT outcome, proposal, able FROM proposal_add(%s, %s, %s, %s, %s, %s, 'r')", operation, found,
                           json.dumps(arguments), list(roles), seconds, who)[0]

    def add(self, who, name, **how):
        return self.propose(who, "identity.add", {"name": name, "kind": "operator", "grants": []}, **how)

    def approve(self, number, who):
        return self.db.value(ADMIN, "SELECT proposal_approve(%s, %s, 'r2')", number, who)

    def block(self, *names):
        for name in names:
            self.db.sql(OWNER, "UPDATE identity SET state = 'blocked' WHERE name = %s", name)

    def there(self, name):
        return self.db.sql(OWNER, "SELECT kind FROM identity WHERE name = %s", name) != []

    def state(self, number):
        return self.db.value(OWNER, "SELECT state FROM proposal WHERE id = %s", number)

    def events(self, operation, obj):
        return self.db.sql(OWNER, "SELECT actor, request_id, detail FROM audit_event WHERE operation = %s AND object = %s ORDER BY id", operation, obj)


@pytest.fixture
def team(db):
    return Team(db)


def test_nothing_happens_until_another_has_approved_and_the_audit_names_both(team):
    outcome, number, able = team.add("alice", "zoe")
    assert (outcome, able) == ("waits", ["bob", "carol"])
    assert not team.there("zoe") and team.events("identity.add", "zoe") == []
    assert team.events("proposal.add", "zoe")[0][0] == "alice"
    assert team.approve(number, "bob") == "ok" and team.there("zoe") and team.state(number) == "done"
    assert [e[:2] for e in team.events("identity.add", "zoe")] == [("alice", "r2")]
    assert team.events("proposal.approve", "zoe") == [("bob", "r2", {"proposal": number, "operation": "identity.add", "proposer": "alice"})]
    assert team.approve(number, "carol") == "decided"


@pytest.mark.parametrize("operation,arguments,roles,done", [
    ("identity.unblock", {"name": "gone"}, ["administrator"], "SELECT state = 'active' FROM identity WHERE name = 'gone'"),
    ("grant.add", {"identity": "dev", "profile": "p", "pattern": "dns:**.example.org"}, ["administrator", "officer"],
     "SELECT count(*) = 1 FROM name_grant WHERE pattern = 'dns:**.example.org' AND created_by = 'alice'"),
    ("operator.role.add", {"name": "dora", "role": "auditor"}, ["administrator"],
     "SELECT count(*) = 1 FROM operator_role WHERE role = 'auditor' AND granted_by = 'alice'"),
    ("issuer.retire", {"name": "ca"}, ["administrator"], "SELECT state = 'retired' FROM issuer WHERE name = 'ca'"),
    ("identity.add", {"name": "dev2", "kind": "device", "owner": "o", "grants": [{"profile": "p", "pattern": "dns:*.example.org"}]},
     ["administrator"], "SELECT count(*) = 1 FROM name_grant g JOIN identity i ON i.id = g.identity WHERE i.name = 'dev2' AND i.owner = 'o'"),
])
def test_each_operation_is_done_by_its_approval(team, operation, arguments, roles, done):
    team.db.identity("gone", "operator", "blocked")
    team.db.identity("dev")
    outcome, number, _ = team.propose("alice", operation, arguments, roles)
    assert outcome == "waits" and not team.db.value(OWNER, done)
    assert team.approve(number, "carol") == "ok"
    assert team.db.value(OWNER, done)


def test_who_is_alone_does_it_at_once_and_the_audit_says_so(team):
    """Eve was never enrolled; Bob's certificate is revoked, Carol is blocked, Dora lacks the role."""
    assert team.add("alice", "first")[0] == "waits"
    team.db.sql(OWNER, "SELECT certificate_revoke(%s, 4::smallint, 't', 'r')", team.serials["bob"])
    team.block("carol")
    assert team.add("alice", "first")[0] == "ok" and team.there("first")
    assert team.events("proposal.alone", "first")[0][::2] == ("alice", {"operation": "identity.add"})
    assert team.db.sql(OWNER, "SELECT state, decided_by FROM proposal WHERE object = 'first'") == [("done", None)]
    assert team.add("alice", "first")[0] == "identity-exists" and len(team.events("proposal.alone", "first")) == 1


def test_a_certificate_that_lets_nobody_in_counts_for_nobody(team):
    team.block("carol")
    assert team.add("alice", "one")[2] == ["bob"]
    team.db.sql(OWNER, "UPDATE issuer SET state = 'revoked'")
    assert team.add("alice", "two")[0] == "ok"


def test_an_ended_certificate_counts_for_nobody(db):
    team = Team(db)
    late = db.identity("late", "operator")
    db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, 'administrator', 'init')", late)
    db.certificate(late, life="-1 minute")
    assert team.add("alice", "x")[2] == ["bob", "carol"]


def test_nobody_approves_what_is_his_own_or_gives_him_something(team):
    number = team.propose("alice", "operator.role.add", {"name": "carol", "role": "officer"})[1]
    assert team.approve(number, "alice") == "own-proposal"
    assert team.approve(number, "carol") == "own-proposal"
    assert team.approve(number, "bob") == "ok"
    assert team.propose("alice", "operator.role.add", {"name": "alice", "role": "officer"})[0] == "own-identity"


def test_only_who_could_do_it_himself_approves_rejects_or_proposes(team):
    number = team.add("alice", "zoe")[1]
    for name in ("dora", "nobody"):
        assert team.approve(number, name) == "role-missing"
        assert team.db.value(ADMIN, "SELECT proposal_reject(%s, 'no', %s, 'r')", number, name) == "role-missing"
        assert team.add(name, "zoe2")[0] == "role-missing"
    team.block("bob")
    assert team.approve(number, "bob") == "role-missing"
    assert team.approve(number, "eve") == "ok"  # she has come with a certificate meanwhile: the listener lets in nobody else


@pytest.mark.parametrize("taken", ["UPDATE identity SET state = 'blocked' WHERE name = 'alice'",
                                   "SELECT identity_offboard('alice', 5::smallint, 't', 'r')",
                                   "SELECT operator_role_set('alice', 'administrator', false, 'bob', 'r')"])
def test_who_proposed_it_must_still_be_able_to(team, taken):
    number = team.add("alice", "zoe")[1]
    team.db.sql(OWNER, taken)
    assert team.approve(number, "bob") == "proposer" and not team.there("zoe")
    assert team.db.value(ADMIN, "SELECT proposal_reject(%s, 'she left', 'bob', 'r')", number) == "ok"


def test_what_it_is_about_is_looked_at_again_and_it_goes_on_waiting(team):
    number = team.add("alice", "zoe")[1]
    grant = team.propose("alice", "grant.add", {"identity": "eve", "profile": "p", "pattern": "dns:*.x.example"})[1]
    team.db.identity("zoe", "device")
    team.db.sql(OWNER, "UPDATE identity SET name = 'eva' WHERE name = 'eve'")
    assert team.approve(number, "bob") == "identity-exists" and team.state(number) == "pending"
    assert team.approve(grant, "bob") == "unknown-identity" and team.state(grant) == "pending"
    team.db.sql(OWNER, "UPDATE identity SET name = 'eve' WHERE name = 'eva'")
    assert team.approve(grant, "bob") == "ok"


def test_what_cannot_be_done_is_not_proposed(team):
    team.db.identity("taken")
    assert team.add("alice", "taken")[:2] == ("identity-exists", None)
    assert team.propose("alice", "grant.add", {"identity": "who", "profile": "p", "pattern": "dns:x"})[0] == "unknown-identity"
    assert team.propose("alice", "issuer.retire", {"name": "who"})[0] == "unknown-issuer"
    assert team.propose("alice", "issuer.activate", {"name": "ca"})[0] == "unchanged"
    with pytest.raises(psycopg2.errors.CheckViolation):
        team.add("alice", "no name")
    with pytest.raises(psycopg2.Error):
        team.propose("alice", "identity.delete", {"name": "taken"})
    assert team.db.value(OWNER, "SELECT count(*) FROM proposal") == 0


def test_a_proposal_ends(team):
    number = team.add("alice", "zoe")[1]
    team.db.sql(OWNER, "UPDATE proposal SET expires_at = now()")
    assert team.approve(number, "bob") == "decided" and not team.there("zoe")
    assert team.db.value(ADMIN, "SELECT proposal_reject(%s, 'no', 'bob', 'r')", number) == "decided"
    again = team.add("alice", "zoe")[1]
    assert again != number and team.approve(again, "bob") == "ok"


def test_a_no_is_final_and_the_proposer_may_say_it(team):
    number = team.add("alice", "zoe")[1]
    assert team.db.value(ADMIN, "SELECT proposal_reject(%s, 'a mistake', 'alice', 'r')", number) == "ok"
    assert team.approve(number, "bob") == "decided" and team.approve(999, "bob") == "none"
    assert team.events("proposal.reject", "zoe")[0][2]["reason"] == "a mistake"


def test_asking_again_is_the_same_proposal_and_they_have_an_end(team):
    number = team.add("alice", "zoe")[1]
    assert team.add("alice", "zoe")[1] == number and len(team.events("proposal.add", "zoe")) == 1
    for n in range(99):
        assert team.add("alice", "zoe%d" % n)[0] == "waits"
    assert team.add("alice", "one-too-many")[0] == "limit"
    assert team.add("bob", "one-too-many")[0] == "waits"


def test_a_proposal_has_a_size(team):
    team.block("dora")
    with pytest.raises(psycopg2.errors.CheckViolation):
        team.propose("alice", "identity.unblock", {"name": "dora", "more": [str(n * 7919) for n in range(40000)]})


def at_once(db, calls):
    """What each answered; an error fails the test."""
    start, answers, threads = threading.Barrier(len(calls)), [None] * len(calls), []

    def run_one(i, text, values):
        conn = db.cluster.connect(db.name, ADMIN)
        try:
            start.wait()
            with conn.cursor() as cur:
                cur.execute(text, values)
                answers[i] = cur.fetchone()[0]
        except Exception as e:  # pylint: disable=broad-except
            answers[i] = e
        finally:
            conn.close()
    for i, (text, values) in enumerate(calls):
        threads.append(threading.Thread(target=run_one, args=(i, text, values)))
        threads[-1].start()
    for t in threads:
        t.join(30)
    assert not [a for a in answers if a is None or isinstance(a, Exception)], answers
    return answers


APPROVE = "SELECT proposal_approve(%s, %s, 'r')"


def test_approvals_that_meet_do_it_once(team):
    for n in range(10):
        number = team.add("alice", "zoe%d" % n)[1]
        assert sorted(at_once(team.db, [(APPROVE, (number, "bob")), (APPROVE, (number, "carol")),
                                        ("SELECT proposal_reject(%s, 'no', 'bob', 'r')", (number,))]))[0] == "decided"
        assert len(team.events("identity.add", "zoe%d" % n)) <= 1
        assert team.there("zoe%d" % n) == (team.state(number) == "done")


def test_an_approval_and_the_end_of_who_proposed_it_are_one_after_the_other(team):
    for n in range(10):
        number = team.add("alice", "zoe%d" % n)[1]
        said, _, _ = at_once(team.db, [(APPROVE, (number, "bob")), ("SELECT outcome FROM identity_offboard('alice', 5::smallint, 'c', 'r')", ()),
                                       ("SELECT operator_role_set('alice', 'administrator', false, 'carol', 'r')", ())])
        assert said in ("ok", "proposer") and team.there("zoe%d" % n) == (said == "ok")
        team.db.sql(OWNER, "UPDATE identity SET state = 'active' WHERE name = 'alice'")
        team.db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES ((SELECT id FROM identity WHERE name = 'alice'), "
                           "'administrator', 't') ON CONFLICT DO NOTHING")


def test_approvals_across_each_other_do_not_stop_each_other(team):
    """Each is about one who approves another: all rows of operators in all orders."""
    for role in ("officer", "helpdesk", "auditor", "monitor"):
        asked = [("alice", "bob", "carol"), ("bob", "carol", "alice"), ("carol", "alice", "bob")]
        numbers = [team.propose(who, "operator.role.add", {"name": name, "role": role})[1] for who, name, _ in asked]
        assert at_once(team.db, [(APPROVE, (number, by)) for number, (_, _, by) in zip(numbers, asked)] + [
            ("SELECT identity_set_state('dora', 'active', 'x', 'r')", ())]) == ["ok", "ok", "ok", "unchanged"]
