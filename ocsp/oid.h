/* Object identifiers of OCSP as DER content octets, like those of lib/pki/oid.h. */
#ifndef CHANCERY_OCSP_OID_H
#define CHANCERY_OCSP_OID_H

#include "lib/base/bytes.h"

/* Digests of a CertID (RFC 6960 section 4.1.1). */
#define OID_SHA1 BYTES_LIT("\x2b\x0e\x03\x02\x1a")
#define OID_SHA256 BYTES_LIT("\x60\x86\x48\x01\x65\x03\x04\x02\x01")

/* id-pkix-ocsp (RFC 6960 section 4.4, appendix B). */
#define OID_OCSP_BASIC BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
#define OID_OCSP_NONCE BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")
#define OID_OCSP_RESPONSE BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x04")
#define OID_OCSP_SERVICE_LOCATOR BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x07")
#define OID_OCSP_PREF_SIG_ALGS BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x08")

#endif
