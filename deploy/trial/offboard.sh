# Step 8: offboarding, seen from every side: OCSP, CRL, the gateway on an open connection, nginx as relying party.
# shellcheck shell=bash

LEAVER=$TRIAL/leaver-1

leaver_certificate() {
	mkdir -p "$LEAVER"
	have_identity leaver-1 device device=dns:leaver-1.trial.test
	request "$LEAVER" leaver leaver-1 DNS:leaver-1.trial.test
	admin issue leaver-1 --profile device --csr "$LEAVER/leaver.csr" --out "$LEAVER/leaver.pem"
}

# ocsp_says WORD: asks the responder about the leaver's certificate.
ocsp_says() {
	openssl ocsp -issuer "$CHAIN" -cert "$LEAVER/leaver.pem" -url "$PUBLIC/ocsp" -CAfile "$ROOT" -verify_other "$CHAIN" 2>&1 |
		tee "$LEAVER/ocsp.txt" | grep -q "leaver.pem: $1"
}

leaver_serial() {
	openssl x509 -in "$LEAVER/leaver.pem" -noout -serial | cut -d= -f2
}

crl_lists_leaver() {
	curl -sS --fail "$PUBLIC/crl/issuing-1.crl" | openssl crl -inform DER -noout -text | grep -qi "$(leaver_serial)"
}

# The relying party: one server with CRLs from the bundle, one that asks OCSP.
fetch_bundle() {
	curl -sS --fail "$PUBLIC/crl/bundle.pem" -o "$LEAVER/crls.pem.new"
	mv "$LEAVER/crls.pem.new" "$LEAVER/crls.pem"
}

start_nginx() {
	local d=$TRIAL/nginx
	mkdir -p "$d"
	have_identity nginx-1 workload "workload=dns:$HOST"
	request "$d" server "$HOST" "DNS:$HOST"
	admin issue nginx-1 --profile workload --csr "$d/server.csr" --out "$d/server.pem"
	cat "$ROOT" "$CHAIN" >"$d/clients.pem"
	fetch_bundle
	cat >"$d/nginx.conf" <<-END
	pid $d/nginx.pid;
	error_log $d/error.log info;
	events { }
	http {
	  access_log off;
	  client_body_temp_path $d/tmp; proxy_temp_path $d/tmp; fastcgi_temp_path $d/tmp; uwsgi_temp_path $d/tmp; scgi_temp_path $d/tmp;
	  ssl_certificate $d/server.pem;
	  ssl_certificate_key $d/server.key;
	  ssl_protocols TLSv1.3;
	  ssl_verify_client on;
	  ssl_verify_depth 2;
	  ssl_client_certificate $d/clients.pem;
	  server {
	    listen 127.0.0.1:$NGINX_CRL_PORT ssl;
	    ssl_crl $LEAVER/crls.pem;
	    location / { return 200 "welcome\n"; }
	  }
	  server {
	    listen 127.0.0.1:$NGINX_OCSP_PORT ssl;
	    ssl_ocsp leaf;
	    location / { return 200 "welcome\n"; }
	  }
	}
	END
	stop_pid "$d/nginx.pid"
	nginx -p "$d" -c "$d/nginx.conf" 3>&-
	wait_for 10 nginx_welcomes "$NGINX_CRL_PORT"
}

nginx_answer() {
	curl -sS --cacert "$ROOT" --cert "$LEAVER/leaver.pem" --key "$LEAVER/leaver.key" -o /dev/null -w '%{http_code}' "https://$HOST:$1/"
}

nginx_welcomes() {
	[ "$(nginx_answer "$1")" = 200 ]
}

nginx_refuses() {
	[ "$(nginx_answer "$1")" = 400 ]
}

before_offboarding() {
	leaver_certificate
	wait_for 10 ocsp_says good
	start_nginx
	wait_for 10 nginx_welcomes "$NGINX_OCSP_PORT"
	OUTCOME="good, welcome everywhere"
}

# One request over the connection that is kept open on descriptor 4.
ask_over_connection() {
	printf 'GET /.well-known/est/cacerts HTTP/1.1\r\nHost: %s:%s\r\n\r\n' "$HOST" "$ENROLL_PORT" >&4
}

# answers COUNT: has the connection brought so many successes?
answers() {
	[ "$(grep -ac '^HTTP/1.1 200' "$LEAVER/answers.txt")" = "$1" ]
}

# refused PID: an answer that is no success, or the connection closed without one.
refused() {
	grep -aq '^HTTP/1.1 40[13]' "$LEAVER/answers.txt" || ! kill -0 "$1" 2>/dev/null
}

# The same TLS session carries one request before and one after the offboarding.
offboard_leaver() {
	local pid
	rm -f "$LEAVER/requests"
	mkfifo "$LEAVER/requests"
	openssl s_client -quiet -ign_eof -connect "127.0.0.1:$ENROLL_PORT" -servername "$HOST" -CAfile "$ROOT" \
		-cert "$LEAVER/leaver.pem" -cert_chain "$CHAIN" -key "$LEAVER/leaver.key" \
		<"$LEAVER/requests" >"$LEAVER/answers.txt" 2>"$LEAVER/s_client.txt" &
	pid=$!
	exec 4>"$LEAVER/requests"
	ask_over_connection
	wait_for 10 answers 1
	admin offboard leaver-1
	trap '' PIPE # the gateway may have closed the connection already
	ask_over_connection || true
	trap - PIPE
	wait_for 10 refused "$pid"
	answers 1
	exec 4>&-
	kill "$pid" 2>/dev/null || true
	OUTCOME="refused on the open connection"
}

revoked_by_ocsp() {
	ocsp_says revoked
	cat "$LEAVER/ocsp.txt"
	OUTCOME="revoked at once"
}

revoked_by_crl() {
	wait_for 30 crl_lists_leaver
	fetch_bundle
	cat "$ROOT" "$CHAIN" >"$LEAVER/anchors.pem"
	! openssl verify -CAfile "$LEAVER/anchors.pem" -CRLfile "$LEAVER/crls.pem" -crl_check_all "$LEAVER/leaver.pem" || return 1
	openssl verify -CAfile "$LEAVER/anchors.pem" -CRLfile "$LEAVER/crls.pem" -crl_check_all "$TRIAL/device-1/third.pem"
	OUTCOME="on the list"
}

refused_by_nginx() {
	wait_for 10 nginx_refuses "$NGINX_OCSP_PORT"
	kill -HUP "$(cat "$TRIAL/nginx/nginx.pid")"
	wait_for 10 nginx_refuses "$NGINX_CRL_PORT"
	stop_pid "$TRIAL/nginx/nginx.pid"
	OUTCOME="refused by OCSP and by CRL"
}
