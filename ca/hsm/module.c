/*
 * The PKCS#11 module: loading it, finding a token by its label, and saying what went wrong in words
 * an operator can act on. Everything here is a direct call through the module's function list;
 * libp11 comes in with keys_token.c.
 */
#include "ca/hsm/internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct reply {
	CK_RV rv;
	const char *name, *remedy; /* remedy may be NULL */
} replies[] = {
	{CKR_HOST_MEMORY, "CKR_HOST_MEMORY", NULL},
	{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", "the token is gone"},
	{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR",
		"look at the token's own log; with SoftHSM check the token directory and its owner"},
	{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", NULL},
	{CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", NULL},
	{CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", NULL},
	{CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", NULL},
	{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", "the HSM is in trouble"},
	{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", "the HSM is full"},
	{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", "the token is gone"},
	{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", "the token was reset"},
	{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", "the key may not sign"},
	{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", "this token cannot make such keys"},
	{CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", "the token was reset"},
	{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", NULL},
	{CKR_PIN_INVALID, "CKR_PIN_INVALID", "the token does not take such a PIN"},
	{CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", "SoftHSM wants 4 to 255 characters"},
	{CKR_PIN_LOCKED, "CKR_PIN_LOCKED", "reset the user PIN with the SO PIN"},
	{CKR_SESSION_COUNT, "CKR_SESSION_COUNT",
		"too many sessions; stop other users of the token"},
	{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", "the token was reset"},
	{CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", NULL},
	{CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", NULL},
	{CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", NULL},
	{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", "the token is gone"},
	{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", NULL},
	{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", NULL},
	{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", "somebody logged out behind us"},
	{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", "set the user PIN first"},
	{CKR_USER_TYPE_INVALID, "CKR_USER_TYPE_INVALID", NULL},
	{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", NULL},
};

enum err
module_fail(CK_RV rv, const char *what)
{
	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		if (replies[i].rv == rv)
			return err_set_word(ERR_UNAVAILABLE, WORD_HSM, "hsm: %s: %s%s%s", what,
				replies[i].name, replies[i].remedy != NULL ? ": " : "",
				replies[i].remedy != NULL ? replies[i].remedy : "");
	return err_set_word(ERR_UNAVAILABLE, WORD_HSM, "hsm: %s: PKCS#11 error 0x%lx", what, rv);
}

void
module_text(const CK_UTF8CHAR *text, size_t n, char *out)
{
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == 0))
		n--;
	memcpy(out, text, n);
	out[n] = 0;
}

static enum err
check_module_file(const char *path)
{
	if (access(path, R_OK) == 0)
		return ERR_OK;
	return err_errno(ERR_UNAVAILABLE,
		"hsm: PKCS#11 module \"%s\" cannot be read; install the HSM's module (Debian: "
		"libsofthsm2) or correct hsm.module",
		path);
}

static enum err
get_functions(const char *path, CK_FUNCTION_LIST_PTR *out)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	CK_RV rv;

	if (handle == NULL)
		return err_set_word(ERR_UNAVAILABLE, WORD_HSM,
			"hsm: module \"%s\" does not load: %s", path, dlerror());
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL)
		return err_set_word(ERR_UNAVAILABLE, WORD_HSM,
			"hsm: \"%s\" is no PKCS#11 module: it has no C_GetFunctionList", path);
	rv = get(out);
	return rv == CKR_OK ? ERR_OK : module_fail(rv, "C_GetFunctionList");
}

static enum err
initialize_module(struct hsm_module *m)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_RV rv = m->f->C_Initialize(&args);

	if (rv == CKR_GENERAL_ERROR)
		return err_set_word(ERR_UNAVAILABLE, WORD_HSM,
			"hsm: module \"%s\" does not start (C_Initialize: CKR_GENERAL_ERROR); with SoftHSM the "
			"file in hsm.module_config or its token directory is missing or not readable by this user",
			m->path);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return module_fail(rv, "C_Initialize");
	return ERR_OK;
}

static enum err
describe_module(struct hsm_module *m)
{
	CK_INFO info;
	CK_RV rv = m->f->C_GetInfo(&info);

	if (rv != CKR_OK)
		return module_fail(rv, "C_GetInfo");
	module_text(info.libraryDescription, sizeof(info.libraryDescription), m->description);
	module_text(info.manufacturerID, sizeof(info.manufacturerID), m->manufacturer);
	snprintf(m->version, sizeof(m->version), "%u.%u", info.libraryVersion.major,
		info.libraryVersion.minor);
	return ERR_OK;
}

enum err
module_load(const struct ca_token_config *c, struct hsm_module *m)
{
	enum err e;

	TRY(check_module_file(c->module));
	/* SoftHSM has no other way to be told; the value is a file name, nothing secret. */
	if (c->module_config != NULL && setenv("SOFTHSM2_CONF", c->module_config, 1) != 0)
		return err_errno(ERR_INTERNAL, "hsm: setenv");
	if (c->module_config != NULL && access(c->module_config, R_OK) != 0)
		return err_errno(ERR_UNAVAILABLE,
			"hsm: module configuration \"%s\" cannot be read; correct hsm.module_config",
			c->module_config);
	TRY(get_functions(c->module, &m->f));
	m->path = mem_strdup(c->module);
	if ((e = initialize_module(m)) == ERR_OK)
		e = describe_module(m);
	if (e != ERR_OK)
		module_clear(m);
	return e;
}

void
module_clear(struct hsm_module *m)
{
	free(m->path);
	m->path = NULL;
}

static enum err
list_slots(const struct hsm_module *m, CK_SLOT_ID *slots, CK_ULONG *count)
{
	CK_RV rv;

	*count = HSM_SLOTS_MAX;
	rv = m->f->C_GetSlotList(CK_TRUE, slots, count);
	if (rv == CKR_BUFFER_TOO_SMALL)
		return err_set(ERR_LIMIT, "hsm: more than %d slots with a token", HSM_SLOTS_MAX);
	return rv == CKR_OK ? ERR_OK : module_fail(rv, "C_GetSlotList");
}

/* Appends a quoted label while there is room: the list helps, it need not be complete. */
static void
add_label(char *list, size_t size, const char *label)
{
	size_t have = strlen(list);

	snprintf(list + have, size - have, "%s\"%s\"", have > 0 ? ", " : "", label);
}

enum err
module_slot_find(
	const struct hsm_module *m, const char *label, CK_SLOT_ID *slot, CK_TOKEN_INFO *info)
{
	CK_SLOT_ID slots[HSM_SLOTS_MAX];
	CK_ULONG count;
	unsigned found = 0;
	char there[400] = "", name[33];

	TRY(list_slots(m, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO one;

		if (m->f->C_GetTokenInfo(slots[i], &one) != CKR_OK ||
			!(one.flags & CKF_TOKEN_INITIALIZED))
			continue;
		module_text(one.label, sizeof(one.label), name);
		add_label(there, sizeof(there), name);
		if (strcmp(name, label) != 0)
			continue;
		found++;
		*slot = slots[i];
		*info = one;
	}
	if (found == 0)
		return err_set(ERR_NOTFOUND,
			"hsm: no token with label \"%s\"; tokens there are: %s", label,
			there[0] ? there : "none");
	if (found > 1)
		return err_set(ERR_CONFLICT,
			"hsm: %u tokens have the label \"%s\"; labels must be unique", found,
			label);
	return ERR_OK;
}

enum err
module_slot_free(const struct hsm_module *m, CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[HSM_SLOTS_MAX];
	CK_ULONG count;
	TRY(list_slots(m, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO one;

		if (m->f->C_GetTokenInfo(slots[i], &one) != CKR_OK ||
			(one.flags & CKF_TOKEN_INITIALIZED))
			continue;
		*slot = slots[i];
		return ERR_OK;
	}
	return err_set(ERR_NOTFOUND, "hsm: no slot with an uninitialized token");
}
