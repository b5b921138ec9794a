/*
 * A PKCS#11 module in front of the real one, for what SoftHSM never does: count a PIN down, lock
 * it, take its time for a signature, or fail while signing.
 *
 *   SHIM_MODULE  the real module            SHIM_FLAGS  token flags to add, hex
 *   SHIM_HANG    C_Sign never returns once this file exists
 *   SHIM_LOGINS  file that gets an octet for each C_Login   SHIM_SIGNS  C_Sign fails with
 * CKR_DEVICE_ERROR after so many
 *   SHIM_WAIT_US  each C_Sign takes so long        SHIM_MOST   file that gets an octet whenever more C_Sign than ever
 * are under way at once
 *   SHIM_BUSY_SLOTS, SHIM_BUSY_LOGINS  so many C_GetSlotList, C_Login fail with CKR_GENERAL_ERROR first
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST list;

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	const char *flags = getenv("SHIM_FLAGS");
	CK_RV rv = real->C_GetTokenInfo(slot, info);

	if (rv == CKR_OK && flags != NULL)
		info->flags |= strtoul(flags, NULL, 16);
	return rv;
}

/* Whether this is one of the first calls that fail. */
static int
is_busy(const char *variable, long *done)
{
	const char *first = getenv(variable);

	return first != NULL && (*done)++ < atol(first);
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)
{
	static long done;

	if (is_busy("SHIM_BUSY_SLOTS", &done))
		return CKR_GENERAL_ERROR;
	return real->C_GetSlotList(present, slots, count);
}

static void
add_octet(const char *file)
{
	int fd = file != NULL ? open(file, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, "+", 1) != 1)
		abort();
	close(fd);
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG n)
{
	static long done;

	add_octet(getenv("SHIM_LOGINS"));
	if (is_busy("SHIM_BUSY_LOGINS", &done))
		return CKR_GENERAL_ERROR;
	return real->C_Login(session, user, pin, n);
}

/* As long as a slow HSM takes; the waits of several sessions pass side by side. */
static void
take_time(void)
{
	static atomic_long under_way, most;
	const char *us = getenv("SHIM_WAIT_US");
	long now = atomic_fetch_add(&under_way, 1) + 1, before = atomic_load(&most);

	while (now > before)
		if (atomic_compare_exchange_weak(&most, &before, now))
			add_octet(getenv("SHIM_MOST"));
	if (us != NULL)
		usleep((useconds_t)atol(us));
	atomic_fetch_sub(&under_way, 1);
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG n, CK_BYTE_PTR signature,
	CK_ULONG_PTR size)
{
	static atomic_long done;
	const char *most = getenv("SHIM_SIGNS"), *hang = getenv("SHIM_HANG");

	while (hang != NULL && access(hang, F_OK) == 0)
		pause();
	take_time();
	if (most != NULL && atomic_fetch_add(&done, 1) >= atol(most))
		return CKR_DEVICE_ERROR;
	return real->C_Sign(session, data, n, signature, size);
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
	void *module = dlopen(getenv("SHIM_MODULE"), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (module == NULL)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (get == NULL || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *real;
	list.C_GetFunctionList = C_GetFunctionList;
	list.C_GetTokenInfo = get_token_info;
	list.C_GetSlotList = get_slot_list;
	list.C_Login = login;
	list.C_Sign = sign;
	*out = &list;
	return CKR_OK;
}
