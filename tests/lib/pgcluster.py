"""A private PostgreSQL cluster for tests: made in a temporary folder, reached by a unix socket only, thrown away after.

    with Cluster() as pg:
        db = pg.database("chancery_one", store_tool, schema_dir)
        conn = pg.connect(db, "chancery_gateway")

PostgreSQL refuses to run as root, so as root its programs run as user postgres. fsync stays on: tests kill it and
expect every acknowledged row to be there. Only processes started here are ever killed, by their numbers.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

LIBDIR = "/usr/lib/postgresql"
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
max_connections = 120
shared_buffers = 64MB
logging_collector = off
log_lock_waits = on
deadlock_timeout = '200ms'
"""


def bindir():
    """The newest installed PostgreSQL's programs."""
    versions = sorted((int(v) for v in os.listdir(LIBDIR) if v.isdigit()), reverse=True)
    return os.path.join(LIBDIR, str(versions[0]), "bin")


def holds_for(condition, seconds, what):
    """Looks all the time that something stays as it is, where nothing would tell that it is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), "not any more: %s" % what
        time.sleep(0.01)


def wait_for(condition, seconds, what):
    """Polls until condition() is true; its value. Fails when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %s s: %s" % (seconds, what))
        time.sleep(0.01)


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(entry))
    return found


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Cluster:
    superuser = "postgres"

    def __init__(self, settings=""):
        self.top = tempfile.mkdtemp(prefix="chancery-pg-")
        self.data = os.path.join(self.top, "data")
        self.socket = os.path.join(self.top, "s")
        self.log = os.path.join(self.top, "log")
        self.process = None
        os.mkdir(self.socket)
        os.chmod(self.top, 0o755)
        if os.geteuid() == 0:
            for path in (self.top, self.socket):
                shutil.chown(path, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-U", self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                 "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write(SETTINGS.format(socket=self.socket) + settings)

    def command(self, program, *args):
        argv = [os.path.join(bindir(), program), *args]
        if os.geteuid() == 0:
            argv = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *argv]
        return argv

    def run(self, program, *args):
        done = subprocess.run(self.command(program, *args), cwd=self.top, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command("postgres", "-D", self.data), cwd=self.top,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.answers, 60, "PostgreSQL answers; its log is %s" % self.log)
        return self

    def answers(self):
        assert self.process.poll() is None, open(self.log).read()[-2000:]
        try:
            self.connect("postgres", self.superuser).close()
            return True
        except psycopg2.OperationalError:
            return False

    def stop(self, how=signal.SIGINT):
        """SIGINT is PostgreSQL's fast shutdown."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def kill(self):
        """As a power cut: every process of the cluster at once, nothing flushed, nothing said."""
        family = [self.process.pid] + children(self.process.pid)
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(60)
        wait_for(lambda: not any(alive(p) for p in family), 60, "all processes of the cluster are gone")
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def suspend(self):
        """Alive but silent, as behind a broken network."""
        self.frozen = [self.process.pid] + children(self.process.pid)
        for pid in self.frozen:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass  # a backend that has ended since is silent too

    def resume(self):
        for pid in self.frozen:
            if alive(pid):
                os.kill(pid, signal.SIGCONT)

    def connect(self, database, user):
        conn = psycopg2.connect(host=self.socket, dbname=database, user=user, options="-c search_path=chancery",
                                connect_timeout=10)
        conn.autocommit = True
        return conn

    def database(self, name, store_tool, schema_dir):
        """A new database with the schema applied as a superuser would; returns its name."""
        conn = self.connect("postgres", self.superuser)
        conn.cursor().execute('CREATE DATABASE "%s"' % name)
        conn.close()
        subprocess.run([store_tool, self.socket, name, self.superuser, "schema-apply", schema_dir], check=True,
                       stdout=subprocess.DEVNULL)
        return name

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        family = children(self.process.pid) if self.process is not None else []
        self.stop(signal.SIGQUIT)
        wait_for(lambda: not any(alive(p) for p in family), 30, "the last of the cluster is gone")
        shutil.rmtree(self.top)
