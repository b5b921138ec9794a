/* The rows of a plan: for plan.c and for what prints the manual. */
#ifndef CHANCERY_CA_CEREMONY_PLAN_TABLE_H
#define CHANCERY_CA_CEREMONY_PLAN_TABLE_H

#include "ca/ceremony/plan.h"

/* About a struct plan_file. */
extern const struct yaml_table plan_table;

#endif
