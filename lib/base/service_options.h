/* Inside lib/base: the command line of a program; see service.h. */
#ifndef CHANCERY_BASE_SERVICE_OPTIONS_H
#define CHANCERY_BASE_SERVICE_OPTIONS_H

#include "lib/base/service.h"

/* Fills config_path, number and values. SERVICE_GO_ON or an exit code, --help and --version being
 * answered. */
int service_options_parse(struct service *s, int argc, char **argv) MUST_CHECK;

#endif
