/*
 * Where libmicrohttpd shows too little, functions of ours with a library's names stand in its way:
 * the dynamic linker gives it those of the program first. Each calls the library's own and looks at
 * the result. A library that was linked to call its own directly goes past them, and is as it was.
 */
#include "lib/http/conn.h"

#include <dlfcn.h>

void *
library_call(_Atomic(void *) *known, const char *name)
{
	void *call = atomic_load_explicit(known, memory_order_relaxed);

	if (call == NULL) {
		call = dlsym(RTLD_NEXT, name);
		atomic_store_explicit(known, call, memory_order_relaxed);
	}
	return call;
}
