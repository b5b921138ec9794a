# Step 4: a private PostgreSQL cluster. Nobody has a password: the operating system's user decides the role (peer), and
# the server listens on a socket only. CHANCERY_DB_HOST names an existing server instead, whose administrator lets root be
# postgres (CHANCERY_DB_ADMIN) and chancery_owner, and each program's user its role.
# shellcheck shell=bash

PGDATA_DIR=$STATE/postgres
PGSOCKET=${CHANCERY_DB_HOST:-$RUN/postgresql}
PGADMIN=${CHANCERY_DB_ADMIN:-postgres}

# The newest installed PostgreSQL's programs; nothing before it is installed.
pgbin() {
	find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1
}

existing_server() {
	[ -n "${CHANCERY_DB_HOST:-}" ] && OUTCOME="existing one at $PGSOCKET"
}

database_files() {
	! existing_server || return 0
	mkdir -p "$PGSOCKET"
	chown chancery-postgres: "$PGSOCKET"
	if [ -s "$PGDATA_DIR/PG_VERSION" ]; then
		OUTCOME="kept"
		return
	fi
	install -d -o chancery-postgres -g chancery-postgres -m 700 "$PGDATA_DIR"
	as_user chancery-postgres "$(pgbin)/initdb" -D "$PGDATA_DIR" -U postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums
	cat >"$PGDATA_DIR/pg_hba.conf" <<-END
	# Who may log in: system users of this machine, as the roles of pg_ident.conf.
	local all all peer map=chancery
	END
	{
		echo "# system user -> role"
		echo "chancery root postgres"
		echo "chancery root chancery_owner"
		echo "chancery chancery-postgres postgres"
		for u in gateway admin signer validator status; do
			echo "chancery chancery-$u chancery_$u"
		done
	} >"$PGDATA_DIR/pg_ident.conf"
	cat >>"$PGDATA_DIR/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$PGSOCKET'
	port = $DB_PORT
	max_connections = 100
	END
}

database_ready() {
	"$(pgbin)/pg_isready" -q -h "$PGSOCKET" -p "$DB_PORT"
}

start_database() {
	! existing_server || return 0
	if database_ready; then
		OUTCOME="runs already"
		return
	fi
	as_user chancery-postgres "$(pgbin)/pg_ctl" -D "$PGDATA_DIR" -l "$PGDATA_DIR/server.log" -w start 3>&-
}

stop_database() {
	! existing_server || return 0
	if [ -s "$PGDATA_DIR/postmaster.pid" ]; then
		as_user chancery-postgres "$(pgbin)/pg_ctl" -D "$PGDATA_DIR" -m fast -w stop
	else
		OUTCOME="was not running"
	fi
}

apply_schema() {
	if ! psql -h "$PGSOCKET" -p "$DB_PORT" -U "$PGADMIN" -d postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'chancery'" | grep -q 1; then
		createdb -h "$PGSOCKET" -p "$DB_PORT" -U "$PGADMIN" chancery
	fi
	local_admin schema apply --db-user "$PGADMIN"
}
