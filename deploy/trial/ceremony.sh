# Steps 2 and 3: the root in its own token, as if on an offline machine, and the issuing CA in the signer's token.
# shellcheck shell=bash

# token_home DIRECTORY OWNER: a SoftHSM of its own.
token_home() {
	mkdir -p "$1/tokens"
	cat >"$1/softhsm2.conf" <<-END
	directories.tokendir = $1/tokens
	objectstore.backend = file
	log.level = ERROR
	slots.removable = false
	END
	secret "$1/token.pin" "$2"
	secret "$1/token.so-pin" "$2"
	chown -R "$2:" "$1"
	chmod 700 "$1"
}

# plan_head FILE TITLE DIRECTORY TOKEN KEY: what every plan begins with.
plan_head() {
	cat >"$1" <<-END
	ceremony: $2
	operators: [quickstart]
	token:
	  module: $MODULE
	  module_config: $3/softhsm2.conf
	  label: $4
	  pin_file: $3/token.pin
	  so_pin_file: $3/token.so-pin
	key:
	  label: $5
	END
}

write_root_plans() {
	plan_head "$OFFLINE/root.yaml" "Trial root" "$OFFLINE" chancery-root root-1
	cat >>"$OFFLINE/root.yaml" <<-END
	  type: p384
	root:
	  subject:
	    common_name: Chancery Trial Root
	    organization: Trial
	  days: 7300
	  certificate: root.pem
	crl:
	  file: root.crl
	  days: 180
	evidence: root.evidence.json
	END
	plan_head "$OFFLINE/sign.yaml" "Trial issuing CA 1, certificate" "$OFFLINE" chancery-root root-1
	cat >>"$OFFLINE/sign.yaml" <<-END
	issuer_certificate: root.pem
	sign:
	  csr: issuing-1.csr
	  subject:
	    common_name: Chancery Trial Issuing CA 1
	    organization: Trial
	  days: 1825
	  certificate: issuing-1.pem
	  crl_url: $PUBLIC/crl/root.crl
	  ca_issuers_url: $PUBLIC/ca/root.cer
	evidence: issuing-1.evidence.json
	END
}

root_ceremony() {
	if [ -s "$OFFLINE/root.evidence.json" ]; then
		OUTCOME="kept"
		return
	fi
	token_home "$OFFLINE" root
	write_root_plans
	"$PREFIX/bin/ca-ceremony" token "$OFFLINE/root.yaml"
	"$PREFIX/bin/ca-ceremony" root "$OFFLINE/root.yaml"
}

issuing_key() {
	if [ -s "$ISSUING/issuing-1-key.evidence.json" ]; then
		OUTCOME="kept"
		return
	fi
	token_home "$ISSUING" chancery-signer
	plan_head "$ISSUING/issuing.yaml" "Trial issuing CA 1, key" "$ISSUING" chancery-issuing issuing-1
	cat >>"$ISSUING/issuing.yaml" <<-END
	  type: p256
	request:
	  subject:
	    common_name: Chancery Trial Issuing CA 1
	    organization: Trial
	  file: issuing-1.csr
	evidence: issuing-1-key.evidence.json
	END
	chown chancery-signer: "$ISSUING/issuing.yaml"
	as_user chancery-signer "$PREFIX/bin/ca-ceremony" token "$ISSUING/issuing.yaml"
	as_user chancery-signer "$PREFIX/bin/ca-ceremony" request "$ISSUING/issuing.yaml"
}

issuing_certificate() {
	if [ -s "$CHAIN" ]; then
		OUTCOME="kept"
		return
	fi
	cp "$ISSUING/issuing-1.csr" "$OFFLINE/issuing-1.csr"
	"$PREFIX/bin/ca-ceremony" sign "$OFFLINE/sign.yaml"
	install -m 644 "$OFFLINE/issuing-1.pem" "$CHAIN"
}

verify_evidence() {
	"$PREFIX/bin/ca-ceremony" verify "$OFFLINE/root.evidence.json" "$ROOT"
	"$PREFIX/bin/ca-ceremony" verify "$OFFLINE/issuing-1.evidence.json" "$ROOT"
	OUTCOME="holds"
}
