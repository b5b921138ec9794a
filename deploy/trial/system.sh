# Step 5: configuration, the programs, the first operator.
# shellcheck shell=bash

write_config() {
	mkdir -p "$ETC"
	install -m 644 "$SOURCE/deploy/profiles.yaml" "$ETC/profiles.yaml"
	cat >"$CONFIG.new" <<-END
	# Written by deploy/quickstart; deploy/chancery.yaml.sample explains every key.
	run_directory: $RUN
	state_directory: $STATE
	profiles: $ETC/profiles.yaml
	database:
	  host: $PGSOCKET
	  port: $DB_PORT
	hsm:
	  module: $MODULE
	  module_config: $ISSUING/softhsm2.conf
	  token: chancery-issuing
	  pin_file: $ISSUING/token.pin
	issuers:
	  - name: issuing-1
	    key: issuing-1
	enroll:
	  port: $ENROLL_PORT
	  base_urls:
	    - $ENROLL
	    - https://$HOST:$SIDECAR_PORT
	  names:
	    - $HOST
	    - 127.0.0.1
	admin:
	  port: $ADMIN_PORT
	  base_urls: ["$ADMIN"]
	  names: [$HOST, 127.0.0.1]
	public:
	  port: $PUBLIC_PORT
	  base_url: $PUBLIC
	validator:
	  # For this trial only: clients run on this machine, on a port that needs no root.
	  allow: [127.0.0.0/8, "::1/128"]
	  allow_special: true
	  http_port: $HTTP01_PORT
	  resolver: ["127.0.0.1:$RESOLVER_PORT"]
	metrics:
	  port: $METRICS_PORT
	END
	mv "$CONFIG.new" "$CONFIG"
	local_admin config check
}

import_issuer() {
	local_admin issuer import --root "$ROOT" --root-crl "$OFFLINE/root.crl" --issuer "$CHAIN" --name issuing-1 --key-label issuing-1
}

start_programs() {
	if alive "$RUN/chancery.pid"; then
		OUTCOME="run already"
		return
	fi
	setsid -f "$PREFIX/bin/chancery" --config "$CONFIG" </dev/null >>"$STATE/chancery.log" 2>&1 3>&-
	sleep 0.5 # long enough for a program that cannot start to be gone
	wait_for 10 alive "$RUN/chancery.pid" || {
		tail -n 5 "$STATE/chancery.log"
		return 1
	}
}

stop_programs() {
	if alive "$RUN/chancery.pid"; then
		stop_pid "$RUN/chancery.pid"
	else
		OUTCOME="were not running"
	fi
}

first_operator() {
	local_admin init --operator operator --directory "$OPERATOR" --server "$ADMIN"
}

all_well() {
	admin status
}

system_status() {
	wait_for 60 all_well
	admin status
	OUTCOME="all well"
}
