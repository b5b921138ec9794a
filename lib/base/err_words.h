/*
 * The stable words of refusals: what clients, logs and audit events carry beside the sentence, and
 * what protocols map to error types of their own. X(identifier, text, meaning); docs/ERRORS.md is
 * made from this list and from the places that use it. A word is never renamed once released.
 */
#ifndef CHANCERY_BASE_ERR_WORDS_H
#define CHANCERY_BASE_ERR_WORDS_H

/* clang-format off */
#define ERR_WORDS(X)                                                                               \
	/* of the classes, in the order of enum err */                                             \
	X(OK, "ok", "no failure")                                                                  \
	X(INVALID, "invalid", "the sentence says what is wrong in the request")                    \
	X(DENIED, "denied", "policy says no")                                                      \
	X(NOTFOUND, "not-found", "no such object")                                                 \
	X(CONFLICT, "conflict", "the state has changed meanwhile; read it again")                  \
	X(LIMIT, "limit", "a bound was reached; ask for less or later")                            \
	X(UNAVAILABLE, "unavailable", "database, HSM or network cannot be reached; try again")     \
	X(INTERNAL, "internal", "a mistake of the program; its log has the reason")                \
	X(STOPPED, "stopped", "the program was told to end meanwhile")                             \
	/* keys, requests, certificates */                                                         \
	X(BAD_BASE64, "bad-base64", "the body is not base64")                                      \
	X(BAD_CSR, "bad-csr", "make the PKCS#10 request anew")                                     \
	X(BAD_KEY, "bad-key", "make a key of a type and size that the profile takes")              \
	X(BAD_NAME, "bad-name", "write the name in its canonical form")                            \
	X(BAD_SIGNATURE, "bad-signature", "the request is not signed with its own key")            \
	X(BAD_CERTIFICATE, "bad-certificate", "it is no certificate of this CA")                   \
	X(BAD_CRL, "bad-crl", "it is no CRL as RFC 5280 has it")                                   \
	X(LINT, "lint", "the certificate would break RFC 5280; mend the profile")                  \
	/* policy */                                                                               \
	X(IDENTITY_BLOCKED, "identity-blocked", "an operator unblocks it, or does not")            \
	X(REQUESTER_NOT_ALLOWED, "requester-not-allowed", "the profile is not for this kind of identity") \
	X(PROTOCOL_NOT_ALLOWED, "protocol-not-allowed", "the profile is not offered over this protocol") \
	X(UNKNOWN_PROFILE, "unknown-profile", "take one of those that the sentence lists")         \
	X(NAME_TYPE_NOT_ALLOWED, "name-type-not-allowed", "the profile has no names of this type") \
	X(NAME_NOT_ALLOWED, "name-not-allowed", "ask for a granted name, or an operator for a grant") \
	X(WILDCARD_NOT_ALLOWED, "wildcard-not-allowed", "the profile has no wildcard names")       \
	X(TOO_MANY_NAMES, "too-many-names", "ask for fewer names")                                 \
	X(TOO_FEW_NAMES, "too-few-names", "ask for a name")                                        \
	X(BAD_VALIDITY, "bad-validity", "ask for times that the profile permits")                  \
	X(CERTIFICATE_EXPIRED, "certificate-expired", "enroll anew; the profile says how long after the end it renews") \
	X(CERTIFICATE_REVOKED, "certificate-revoked", "enroll anew, with another certificate or by an operator") \
	X(ORDER_NOT_USABLE, "order-not-usable", "the order does not authorize this request any more") \
	X(NO_ISSUER, "no-issuer", "`ca-admin status` says which issuing CA is missing and why")    \
	X(ISSUER_NOT_ALLOWED, "issuer-not-allowed", "the profile decides which CA issues")         \
	X(SIGNER_WAITING, "signer-waiting", "the request waits; is chancery-signer running?")      \
	X(APPROVAL_WAITING, "approval-waiting", "the request waits until operators approve it")    \
	X(APPROVAL_EXPIRED, "approval-expired", "ask again, and operators to look in time")        \
	X(REJECTED, "rejected", "an operator said no, and why")                                    \
	/* ACME: the envelope */                                                                   \
	X(BAD_NONCE, "bad-nonce", "clients try again with the new nonce by themselves")            \
	X(BAD_SIGNATURE_ALGORITHM, "bad-signature-algorithm", "take an algorithm that the answer lists") \
	X(BAD_PUBLIC_KEY, "bad-public-key", "make an account key that fits the algorithm")         \
	X(BAD_JWS_SIGNATURE, "bad-jws-signature", "sign with the account's key")                   \
	X(WRONG_URL, "wrong-url", "sign the URL that is requested")                                \
	X(UNKNOWN_HOST, "unknown-host", "use a base URL of the configuration")                     \
	/* ACME: accounts */                                                                       \
	X(ACCOUNT_UNKNOWN, "account-unknown", "make an account first")                             \
	X(ACCOUNT_CLOSED, "account-closed", "make another account with another key")               \
	X(OTHER_IDENTITY, "other-identity", "present the certificate that made the account")       \
	X(NOT_YOURS, "not-yours", "use the account that owns it")                                  \
	X(BAD_CONTACT, "bad-contact", "write contacts as mailto: with one address")                \
	X(UNSUPPORTED_CONTACT, "unsupported-contact", "write contacts as mailto:")                 \
	X(KEY_IN_USE, "key-in-use", "make a key that has no account")                              \
	/* ACME: orders and challenges */                                                          \
	X(UNSUPPORTED_IDENTIFIER, "unsupported-identifier", "ask for types dns and ip")            \
	X(REJECTED_IDENTIFIER, "rejected-identifier", "the sentence says why the name cannot be had") \
	X(COMPOUND, "compound", "see the subproblems")                                             \
	X(ORDER_NOT_READY, "order-not-ready", "prove the names first, or make a new order")        \
	X(BAD_STATE, "bad-state", "the object's state does not allow it any more")                 \
	X(DNS, "dns", "publish addresses for the name")                                            \
	X(CONNECTION, "connection", "let the validator reach the host")                            \
	X(TLS, "tls", "mend the host's TLS")                                                       \
	X(INCORRECT_RESPONSE, "incorrect-response", "serve the key authorization, nothing else")   \
	/* revocation */                                                                           \
	X(KEY_BLOCKED, "key-blocked", "make a new key: this one was revoked as compromised")     \
	X(ALREADY_REVOKED, "already-revoked", "nothing is left to do")                             \
	X(BAD_REASON, "bad-reason", "take one of the reasons that the sentence lists")             \
	/* EST */                                                                                  \
	X(BINDING_MISMATCH, "binding-mismatch", "take the challengePassword from this very connection") \
	X(SAME_KEY, "same-key", "make a new key for every certificate")                            \
	X(SUBJECT_CHANGED, "subject-changed", "re-enroll with the subject of the certificate")     \
	X(NAMES_CHANGED, "names-changed", "re-enroll with the names of the certificate")           \
	X(UNKNOWN_LABEL, "unknown-label", "an operator adds it to est.labels")                     \
	/* administration */                                                                       \
	X(NOT_AN_OPERATOR, "not-an-operator", "present an operator's certificate")                 \
	X(ROLE_MISSING, "role-missing", "ask an administrator for the role, or an operator who has it") \
	X(OWN_IDENTITY, "own-identity", "let another operator do it")                              \
	X(OWN_REQUEST, "own-request", "let another operator approve it")                           \
	X(OWN_PROPOSAL, "own-proposal", "let another operator approve it")                         \
	X(UNKNOWN_IDENTITY, "unknown-identity", "`ca-admin identity list` shows those there are")  \
	X(IDENTITY_EXISTS, "identity-exists", "take another name")                                 \
	X(IDENTITY_RETIRED, "identity-retired", "make a new identity under another name")          \
	X(UNKNOWN_GRANT, "unknown-grant", "`ca-admin grant list` shows those there are")           \
	X(GRANT_EXISTS, "grant-exists", "nothing is left to do")                                   \
	X(UNKNOWN_CERTIFICATE, "unknown-certificate", "`ca-admin certificate list` shows those there are") \
	X(UNKNOWN_ISSUER, "unknown-issuer", "`ca-admin status` shows those there are")             \
	X(SCHEMA_MISSING, "schema-missing", "run `ca-admin schema apply`")                         \
	X(USAGE, "usage", "see --help")                                                            \
	/* HSM and ceremonies */                                                                   \
	X(HSM, "hsm", "the sentence has the token's reply; the signer starts anew and tries again") \
	X(WRONG_PIN, "wrong-pin", "correct the PIN file; a token locks after few wrong ones")      \
	X(PIN_FINAL_TRY, "pin-final-try", "correct the PIN file and log in once by hand")          \
	X(PIN_LOCKED, "pin-locked", "set a new PIN with the SO PIN")                               \
	X(WEAK_KEY_ATTRIBUTES, "weak-key-attributes", "make the key in the token with ca-ceremony") \
	X(KEY_MISMATCH, "key-mismatch", "import the certificate of this key, or name its key")     \
	X(SELF_SIGNED_ISSUER, "self-signed-issuer", "make an issuing CA with ca-ceremony")         \
	X(BAD_ISSUER, "bad-issuer", "certify a new issuing CA with ca-ceremony and import it")     \
	X(BAD_EVIDENCE, "bad-evidence", "the ceremony's files are not what its record says")
/* clang-format on */

#define ERR_WORD_IDENTIFIER(identifier, text, meaning) WORD_##identifier,
enum err_word { ERR_WORDS(ERR_WORD_IDENTIFIER) WORD_COUNT };
#undef ERR_WORD_IDENTIFIER

/* As clients read it. */
const char *err_word_text(enum err_word word);
/* The word of a text from the database or from a server; WORD_OK for one that is not in the list
 * (and for NULL), which err_set_word() takes for the word of the class. */
enum err_word err_word_find(const char *text);

#endif
