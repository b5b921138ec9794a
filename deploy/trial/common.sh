# Shared by deploy/quickstart and its parts: where everything is, how steps are run and reported.
# shellcheck shell=bash

BASE=${CHANCERY_BASE:-}                  # everything under one directory instead of the system's (tests)
PREFIX=${CHANCERY_PREFIX:-${BASE:+$BASE}/opt/chancery}
ETC=${CHANCERY_ETC:-${BASE:+$BASE}/etc/chancery}
STATE=${CHANCERY_STATE:-${BASE:+$BASE}/var/lib/chancery}
RUN=${CHANCERY_RUN:-${BASE:+$BASE}/run/chancery}
BUILD=${CHANCERY_QUICKSTART_BUILD:-$SOURCE/build-quickstart}
HOST=${CHANCERY_HOST:-localhost}
ENROLL_PORT=${CHANCERY_ENROLL_PORT:-8443}
ADMIN_PORT=${CHANCERY_ADMIN_PORT:-8446}
PUBLIC_PORT=${CHANCERY_PUBLIC_PORT:-8080}
METRICS_PORT=${CHANCERY_METRICS_PORT:-9464}
SIDECAR_PORT=${CHANCERY_SIDECAR_PORT:-8543}
HTTP01_PORT=${CHANCERY_HTTP01_PORT:-8880}
RESOLVER_PORT=${CHANCERY_RESOLVER_PORT:-8553}
NGINX_CRL_PORT=${CHANCERY_NGINX_CRL_PORT:-8643}
NGINX_OCSP_PORT=${CHANCERY_NGINX_OCSP_PORT:-8743}
DB_PORT=${CHANCERY_DB_PORT:-5432}        # only names the socket: PostgreSQL listens on no network

CONFIG=$ETC/chancery.yaml
OPERATOR=$STATE/operator                 # key, certificate and admin.yaml of the first operator
OFFLINE=$STATE/offline-root              # plays the offline machine
ISSUING=$STATE/issuing                   # the signer's token
TRIAL=$STATE/trial                       # what the trial clients leave
LOG=$STATE/quickstart.log
ENROLL=https://$HOST:$ENROLL_PORT
ADMIN=https://$HOST:$ADMIN_PORT
PUBLIC=http://127.0.0.1:$PUBLIC_PORT
ROOT=$OFFLINE/root.pem
CHAIN=$ISSUING/issuing-1.pem
MODULE=/usr/lib/softhsm/libsofthsm2.so
PROGRAM_USERS="gateway admin signer validator status postgres"

STEP=""
OUTCOME=""

now_ms() {
	date +%s%3N
}

# step TITLE FUNCTION [ARGUMENT...]: runs it with its output in the log; OUTCOME may be set by the function.
# Not inside "if" or "||": that would switch set -e off inside the function.
step() {
	STEP=$1
	shift
	local began
	began=$(now_ms)
	OUTCOME="done"
	printf '%-58s ' "$STEP"
	printf '\n=== %s\n' "$STEP" >>"$LOG"
	"$@" >>"$LOG" 2>&1
	printf '%s (%d.%d s)\n' "$OUTCOME" $((($(now_ms) - began) / 1000)) $((($(now_ms) - began) % 1000 / 100))
	STEP=""
}

# The EXIT trap (descriptor 3 is the terminal): says which step failed, with the end of its log.
report_failure() {
	local code=$?
	exec >&3 2>&3 # the step that failed may have left its own redirection behind
	stop_trial_servers
	if [ $code -ne 0 ] && [ -n "$STEP" ]; then
		printf 'FAILED\n\n'
		tail -n 25 "$LOG" | sed 's/^/  | /'
		printf '\nquickstart: step "%s" failed; everything it printed is in %s\n' "$STEP" "$LOG"
		printf 'quickstart: mend it and run this again (finished steps are kept), or start over after --clean\n'
	fi
	exit $code
}

die() {
	echo "quickstart: $*" >&2
	exit 1
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local deadline=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$(date +%s)" -ge $deadline ]; then
			echo "gave up waiting for: $*"
			"$@" || true
			return 1
		fi
		sleep 0.2
	done
}

# alive PIDFILE: does the process still run?
alive() {
	[ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null
}

gone() {
	! alive "$1"
}

# stop_pid PIDFILE: ends one process that was started here.
stop_pid() {
	if alive "$1"; then
		kill "$(cat "$1")"
		wait_for 30 gone "$1"
	fi
	rm -f "$1"
}

as_user() {
	local user=$1
	shift
	runuser -u "$user" -- "$@"
}

# secret FILE OWNER: a random PIN that only its owner can read.
secret() {
	[ -s "$1" ] || (umask 077 && head -c 15 /dev/urandom | base64 | tr '+/' 'xy' >"$1")
	chmod 600 "$1"
	chown "$2" "$1"
}

admin() {
	"$PREFIX/bin/ca-admin" "$@" --config "$OPERATOR/admin.yaml"
}

local_admin() {
	"$PREFIX/bin/ca-admin" "$@" --config "$CONFIG"
}

# have_identity NAME KIND [PROFILE=PATTERN...]: registers it unless it is there; lets a blocked one back in.
have_identity() {
	local name=$1 kind=$2 grants=()
	shift 2
	for g in "$@"; do grants+=(--grant "$g"); done
	if admin identity show "$name" --json >/dev/null 2>&1; then
		admin identity unblock "$name"
	else
		admin identity add "$name" --kind "$kind" --owner quickstart "${grants[@]}"
	fi
}

# request DIRECTORY NAME COMMON_NAME [SAN]: a new P-256 key NAME.key and CSR NAME.csr.
request() {
	local san=()
	[ $# -lt 4 ] || san=(-addext "subjectAltName=$4")
	(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1/$2.key")
	openssl req -new -key "$1/$2.key" -subj "/CN=$3" "${san[@]}" -out "$1/$2.csr"
}
