"""What all programs of an instance together ask of PostgreSQL: commits, statements and octets of its log, by operation."""

import time

from pgcluster import wait_for

PRELOAD = "shared_preload_libraries = 'pg_stat_statements'\n"  # for Instance(postgresql=...)
TOLD = 11  # seconds: a session that does nothing has told its counts by then (PGSTAT_IDLE_INTERVAL of PostgreSQL)

COUNTS = """
    SELECT (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()),
        (SELECT sum(calls) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
            WHERE r.rolname <> current_user AND query !~* '^(begin|commit|rollback|set|listen)'),
        pg_current_wal_lsn() - '0/0'"""


class Cost:
    """Looks twice at once, so that it knows what an idle instance asks for; then each() after every load."""

    def __init__(self, ca):
        self.connection = ca.pg.connect("chancery", ca.pg.superuser)
        self.connection.autocommit = True
        self.ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        first = self.read()
        self.before = self.read()
        self.idle = self.rates(first, self.before)

    def ask(self, text):
        with self.connection.cursor() as cur:
            cur.execute(text)
            return cur.fetchone() if cur.description else None

    def read(self):
        start = time.monotonic()
        wait_for(lambda: time.monotonic() - start > TOLD, 2 * TOLD, "every session has told")
        return time.monotonic(), [float(n) for n in self.ask(COUNTS)]

    @staticmethod
    def rates(a, b):
        return [(y - x) / (b[0] - a[0]) for x, y in zip(a[1], b[1])]

    def each(self, operations):
        """Commits, statements (transaction control apart) and octets of one operation since the last look."""
        now = self.read()
        seconds = now[0] - self.before[0]
        each = [(rate - idle) * seconds / operations for rate, idle in zip(self.rates(self.before, now), self.idle)]
        self.before = now
        return tuple(each)
