# Step 7: ACME (RFC 8555). dehydrated presents its client certificate itself, and its grant makes the order ready at
# once; certbot cannot, so a sidecar on loopback does, and http-01 proves the name.
# shellcheck shell=bash

acme_workload_certificate() {
	local d=$TRIAL/web-1
	mkdir -p "$d"
	have_identity web-1 workload workload=dns:web-1.trial.test
	request "$d" client web-1.trial.test DNS:web-1.trial.test
	admin issue web-1 --profile workload --csr "$d/client.csr" --out "$d/client.pem"
}

acme_dehydrated() {
	local d=$TRIAL/web-1
	mkdir -p "$d/dehydrated/well-known"
	cat >"$d/dehydrated/config" <<-END
	CA="$ENROLL/acme/directory"
	CURL_OPTS="--tlsv1.3 --cacert $ROOT --cert $d/client.pem --key $d/client.key"
	BASEDIR=$d/dehydrated
	WELLKNOWN=$d/dehydrated/well-known
	CHALLENGETYPE=http-01
	KEY_ALGO=prime256v1
	END
	dehydrated --config "$d/dehydrated/config" --register --accept-terms
	dehydrated --config "$d/dehydrated/config" --cron --force --domain web-1.trial.test
	openssl verify -CAfile "$ROOT" -untrusted "$CHAIN" "$d/dehydrated/certs/web-1.trial.test/cert.pem"
}

# The sidecar's own certificate serves both sides: towards the gateway and, for the name certbot calls, on loopback.
acme_sidecar() {
	local d=$TRIAL/sidecar
	mkdir -p "$d"
	have_identity web-2 workload "workload=dns:$HOST"
	request "$d" sidecar "$HOST" "DNS:$HOST"
	admin issue web-2 --profile workload --csr "$d/sidecar.csr" --out "$d/sidecar.pem"
	(umask 077 && cat "$d/sidecar.pem" "$d/sidecar.key" >"$d/sidecar-with-key.pem")
	sed -e "s|@LISTEN@|127.0.0.1:$SIDECAR_PORT|" -e "s|@GATEWAY@|127.0.0.1:$ENROLL_PORT|" -e "s|@NAME@|$HOST|g" \
		-e "s|@CERTIFICATE@|$d/sidecar-with-key.pem|g" -e "s|@ROOT@|$ROOT|" "$SOURCE/deploy/sidecar/haproxy.cfg" >"$d/haproxy.cfg"
	stop_pid "$d/haproxy.pid"
	haproxy -f "$d/haproxy.cfg" -D -p "$d/haproxy.pid" 3>&-
	wait_for 10 curl -sS --fail --cacert "$ROOT" "https://$HOST:$SIDECAR_PORT/acme/directory" -o "$d/directory.json"
}

# The validator asks this resolver (validator.resolver in the configuration).
start_resolver() {
	stop_pid "$TRIAL/resolver.pid"
	setsid -f /usr/bin/python3 "$SOURCE/deploy/trial/resolver.py" "$RESOLVER_PORT" "$TRIAL/resolver.pid" </dev/null 3>&-
	wait_for 10 alive "$TRIAL/resolver.pid"
}

acme_certbot() {
	local d=$TRIAL/certbot
	mkdir -p "$d"
	start_resolver
	REQUESTS_CA_BUNDLE=$ROOT certbot certonly --non-interactive --agree-tos --register-unsafely-without-email --force-renewal \
		--config-dir "$d/config" --work-dir "$d/work" --logs-dir "$d/logs" \
		--server "https://$HOST:$SIDECAR_PORT/acme/directory" --standalone --preferred-challenges http \
		--http-01-address 127.0.0.1 --http-01-port "$HTTP01_PORT" --cert-name web-2 --domain web-2.trial.test
	openssl verify -CAfile "$ROOT" -untrusted "$CHAIN" "$d/config/live/web-2/cert.pem"
	stop_pid "$TRIAL/sidecar/haproxy.pid"
	stop_pid "$TRIAL/resolver.pid"
}
