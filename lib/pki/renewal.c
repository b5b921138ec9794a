/* When a certificate wants a successor: one rule for all that this system renews by itself. */
#include "lib/pki/cert.h"

/* Before the two thirds at which others begin, so that a day's certificate survives an outage of
 * the signer of many hours. */
enum { LIFE_PARTS = 5, LIFE_PARTS_USED = 3 };

bool
pki_cert_due(const struct pki_cert *cert, int64_t since, int64_t now)
{
	return now >= since + (cert->not_after - since) * LIFE_PARTS_USED / LIFE_PARTS;
}
