/*
 * What every handler of the public listener (OCSP, CRLs, CA certificates) gets as http_request.app:
 * one per process.
 */
#ifndef CHANCERY_CA_PUBLIC_H
#define CHANCERY_CA_PUBLIC_H

struct ca_public {
	struct ocsp_service *ocsp;
	struct crl_service *crl;
};

#endif
