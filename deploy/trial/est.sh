# Step 6: EST (RFC 7030). An operator issues a bootstrap certificate; with it the device enrols; then it re-enrols with
# new keys, by curl and by strongSwan pki.
# shellcheck shell=bash

# est OPERATION CERTIFICATE KEY CSR OUT: one enrollment by curl.
est() {
	openssl req -in "$4" -outform DER | base64 -w0 >"$4.b64"
	curl -sS --fail-with-body --tlsv1.3 --cacert "$ROOT" --cert "$2" --key "$3" -H 'Content-Type: application/pkcs10' \
		--data-binary "@$4.b64" -o "$5.p7" "$ENROLL/.well-known/est/$1"
	base64 -d "$5.p7" | openssl pkcs7 -inform DER -print_certs -out "$5"
	cat "$CHAIN" >>"$5"
	openssl verify -CAfile "$ROOT" -untrusted "$CHAIN" "$5"
}

est_bootstrap() {
	local d=$TRIAL/device-1
	mkdir -p "$d"
	have_identity device-1 device device=dns:device-1.trial.test
	request "$d" bootstrap device-1 DNS:device-1.trial.test
	admin issue device-1 --profile device --csr "$d/bootstrap.csr" --out "$d/bootstrap.pem" --lifetime 1h
	curl -sS --fail --tlsv1.3 --cacert "$ROOT" --cert "$d/bootstrap.pem" --key "$d/bootstrap.key" "$ENROLL/.well-known/est/cacerts" |
		base64 -d | openssl pkcs7 -inform DER -print_certs | grep subject
}

est_enroll() {
	local d=$TRIAL/device-1
	request "$d" first device-1 DNS:device-1.trial.test
	est simpleenroll "$d/bootstrap.pem" "$d/bootstrap.key" "$d/first.csr" "$d/first.pem"
}

est_reenroll_curl() {
	local d=$TRIAL/device-1
	request "$d" second device-1 DNS:device-1.trial.test
	est simplereenroll "$d/first.pem" "$d/first.key" "$d/second.csr" "$d/second.pem"
}

est_reenroll_strongswan() {
	local d=$TRIAL/device-1
	printf 'pki {\n  tls {\n    version_max = 1.3\n  }\n}\n' >"$d/strongswan.conf"
	(umask 077 && pki --gen --type ecdsa --size 256 --outform pem >"$d/third.key")
	pki --req --type ecdsa --in "$d/third.key" --dn "CN=device-1" --san device-1.trial.test --outform der >"$d/third.csr"
	STRONGSWAN_CONF=$d/strongswan.conf pki --est --url "$ENROLL" --in "$d/third.csr" --cacert "$ROOT" --cacert "$CHAIN" \
		--cert "$d/second.pem" --key "$d/second.key" --outform pem >"$d/third.pem"
	openssl verify -CAfile "$ROOT" -untrusted "$CHAIN" "$d/third.pem"
}
