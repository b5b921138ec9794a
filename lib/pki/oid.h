/*
 * Object identifiers as DER content octets, for bytes_equal() and derw_oid(). One home for every
 * OID that lib/pki knows; protocol folders add theirs beside the code that uses them.
 */
#ifndef CHANCERY_PKI_OID_H
#define CHANCERY_PKI_OID_H

#include "lib/base/bytes.h"

/* Keys and signatures (RFC 3279, RFC 5480, RFC 5758, RFC 4055, RFC 8410). */
#define OID_EC_PUBLIC_KEY BYTES_LIT("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_RSA_ENCRYPTION BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")

/* Attributes of names (RFC 5280 appendix A, X.520). */
#define OID_AT_COMMON_NAME BYTES_LIT("\x55\x04\x03")
#define OID_AT_SURNAME BYTES_LIT("\x55\x04\x04")
#define OID_AT_SERIAL_NUMBER BYTES_LIT("\x55\x04\x05")
#define OID_AT_COUNTRY BYTES_LIT("\x55\x04\x06")
#define OID_AT_LOCALITY BYTES_LIT("\x55\x04\x07")
#define OID_AT_STATE BYTES_LIT("\x55\x04\x08")
#define OID_AT_STREET BYTES_LIT("\x55\x04\x09")
#define OID_AT_ORGANIZATION BYTES_LIT("\x55\x04\x0a")
#define OID_AT_ORGANIZATIONAL_UNIT BYTES_LIT("\x55\x04\x0b")
#define OID_AT_TITLE BYTES_LIT("\x55\x04\x0c")
#define OID_AT_GIVEN_NAME BYTES_LIT("\x55\x04\x2a")
#define OID_AT_DOMAIN_COMPONENT BYTES_LIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19")
#define OID_AT_USER_ID BYTES_LIT("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01")
#define OID_AT_EMAIL_ADDRESS BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

/* Attributes of certification requests (RFC 2985 section 5.4). */
#define OID_CHALLENGE_PASSWORD BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07")
#define OID_EXTENSION_REQUEST BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")
#define OID_MS_EXTENSION_REQUEST BYTES_LIT("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e")

/* Extensions (RFC 5280 sections 4.2, 5.2 and 5.3; RFC 6960 section 4.2.2.2.1). */
#define OID_SUBJECT_KEY_ID BYTES_LIT("\x55\x1d\x0e")
#define OID_KEY_USAGE BYTES_LIT("\x55\x1d\x0f")
#define OID_SUBJECT_ALT_NAME BYTES_LIT("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS BYTES_LIT("\x55\x1d\x13")
#define OID_CRL_NUMBER BYTES_LIT("\x55\x1d\x14")
#define OID_REASON_CODE BYTES_LIT("\x55\x1d\x15")
#define OID_NAME_CONSTRAINTS BYTES_LIT("\x55\x1d\x1e")
#define OID_CRL_DISTRIBUTION_POINTS BYTES_LIT("\x55\x1d\x1f")
#define OID_AUTHORITY_KEY_ID BYTES_LIT("\x55\x1d\x23")
#define OID_EXT_KEY_USAGE BYTES_LIT("\x55\x1d\x25")
#define OID_AUTHORITY_INFO_ACCESS BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_OCSP_NOCHECK BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x05")

/* Access methods (section 4.2.2.1). */
#define OID_AD_OCSP BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_AD_CA_ISSUERS BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x30\x02")

/* Extended key usages (section 4.2.1.12). */
#define OID_KP_SERVER_AUTH BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_KP_CLIENT_AUTH BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OID_KP_CODE_SIGNING BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x03")
#define OID_KP_EMAIL_PROTECTION BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x04")
#define OID_KP_TIME_STAMPING BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x08")
#define OID_KP_OCSP_SIGNING BYTES_LIT("\x2b\x06\x01\x05\x05\x07\x03\x09")

/* Content types (RFC 5652 sections 4 and 5). */
#define OID_CMS_DATA BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
#define OID_CMS_SIGNED_DATA BYTES_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")

#endif
