/* The ClientHello's rules that GnuTLS does not insist on. */
#ifndef CHANCERY_HTTP_HELLO_H
#define CHANCERY_HTTP_HELLO_H

#include "lib/base/bytes.h"
#include "lib/http/tls.h"

/* The body of a ClientHello (RFC 8446 section 4.1.2): TLS_ALERT_NONE, or the alert it deserves, with
 * err_reason(). */
enum tls_alert hello_check(struct bytes body);

#endif
