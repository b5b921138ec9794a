/*
 * Tokens: open (log in) and initialize.
 *
 * The login is a direct C_Login on a session of ours. PKCS#11 logs in an application, not a
 * session, so libp11's sessions on the same module share it; libp11 itself would keep the PIN in
 * its heap and hide why a login failed. Its session is opened before ours and stays read-only,
 * because changing the mode makes libp11 close all sessions of the slot.
 */
#include "ca/hsm/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 6, LOOK_PAUSE_NS = 40000000 };

static void
fill_info(struct ca_token *t, const CK_TOKEN_INFO *info)
{
	struct ca_token_info *i = &t->info;

	snprintf(i->module_path, sizeof(i->module_path), "%s", t->module.path);
	snprintf(i->module_description, sizeof(i->module_description), "%s", t->module.description);
	snprintf(i->module_manufacturer, sizeof(i->module_manufacturer), "%s",
		t->module.manufacturer);
	snprintf(i->module_version, sizeof(i->module_version), "%s", t->module.version);
	module_text(info->label, sizeof(info->label), i->label);
	module_text(info->manufacturerID, sizeof(info->manufacturerID), i->manufacturer);
	module_text(info->model, sizeof(info->model), i->model);
	module_text(info->serialNumber, sizeof(info->serialNumber), i->serial);
	snprintf(i->firmware, sizeof(i->firmware), "%u.%u", info->firmwareVersion.major,
		info->firmwareVersion.minor);
}

/* Before a try that could be the last: a wrong PIN must never lock the token by being retried. */
static enum err
check_pin_state(const char *label, CK_FLAGS flags)
{
	if (flags & CKF_USER_PIN_LOCKED)
		return err_set_word(ERR_DENIED, WORD_PIN_LOCKED,
			"hsm: the user PIN of token \"%s\" is locked; no login was tried; reset it "
			"with the SO PIN",
			label);
	if (flags & CKF_USER_PIN_FINAL_TRY)
		return err_set_word(ERR_DENIED, WORD_PIN_FINAL_TRY,
			"hsm: one wrong login more would lock token \"%s\"; no login was tried; "
			"check the PIN and log in once by hand (pkcs11-tool --login) to clear the counter",
			label);
	if (!(flags & CKF_USER_PIN_INITIALIZED))
		return err_set_word(ERR_UNAVAILABLE, WORD_HSM,
			"hsm: token \"%s\" has no user PIN yet; set it with the SO PIN", label);
	return ERR_OK;
}

static enum err
wrong_pin(const struct ca_token *t, const char *label)
{
	CK_TOKEN_INFO info = {.flags = 0};
	const char *left = "how many tries are left the token does not say";

	if (t->module.f->C_GetTokenInfo(t->slot, &info) == CKR_OK) {
		if (info.flags & CKF_USER_PIN_LOCKED)
			left = "the PIN is now locked: reset it with the SO PIN";
		else if (info.flags & CKF_USER_PIN_FINAL_TRY)
			left = "one try is left before the token locks";
		else if (info.flags & CKF_USER_PIN_COUNT_LOW)
			left = "the token counts failed tries since the last good login, and this was one";
	}
	return err_set_word(ERR_DENIED, WORD_WRONG_PIN,
		"hsm: token \"%s\" refuses the PIN; %s; correct the PIN file, the login is not "
		"tried again by itself",
		label, left);
}

static enum err
login_user(struct ca_token *t, const struct ca_token_config *c)
{
	AUTO_PIN(pin);
	enum err e = pin_read(c->pin_file, c->pin_fd, &pin);
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	rv = t->module.f->C_Login(t->session, CKU_USER, pin.text, pin.n);
	switch (rv) {
	case CKR_OK:
	case CKR_USER_ALREADY_LOGGED_IN:
		return ERR_OK;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return wrong_pin(t, c->token);
	case CKR_PIN_LOCKED:
		return check_pin_state(c->token, CKF_USER_PIN_LOCKED);
	default:
		return module_fail(rv, "C_Login");
	}
}

/* libp11's own session on the slot, read-only. */
static enum err
open_p11(struct ca_token *t)
{
	t->p11 = PKCS11_CTX_new();
	if (t->p11 == NULL || PKCS11_CTX_load(t->p11, t->module.path) != 0)
		return HSM_P11_FAIL("hsm: libp11 does not load \"%s\"", t->module.path);
	if (PKCS11_enumerate_slots(t->p11, &t->slots, &t->slot_count) != 0)
		return HSM_P11_FAIL("hsm: libp11 does not list the slots");
	for (unsigned i = 0; i < t->slot_count; i++)
		if (PKCS11_get_slotid_from_slot(&t->slots[i]) == t->slot)
			t->p11_slot = &t->slots[i];
	if (t->p11_slot == NULL || t->p11_slot->token == NULL)
		return err_set_word(
			ERR_UNAVAILABLE, WORD_HSM, "hsm: the token went away while it was opened");
	if (PKCS11_open_session(t->p11_slot, 0) != 0)
		return HSM_P11_FAIL("hsm: libp11 gets no session");
	return ERR_OK;
}

static enum err
open_token(const struct ca_token_config *c, struct ca_token *t)
{
	CK_TOKEN_INFO info;
	CK_RV rv;
	enum err e;

	TRY(module_load(c, &t->module));
	e = module_slot_find(&t->module, c->token, &t->slot, &info);
	if (e == ERR_NOTFOUND || e == ERR_CONFLICT)
		return err_context(ERR_UNAVAILABLE, "module \"%s\"", c->module);
	TRY(e);
	TRY(check_pin_state(c->token, info.flags));
	TRY(open_p11(t));
	fill_info(t, &info);
	rv = t->module.f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
	if (rv != CKR_OK)
		return module_fail(rv, "C_OpenSession");
	return login_user(t, c);
}

/*
 * SoftHSM does not see whole a token whose files another process is just reading or, at its login,
 * writing: the token is missing, cannot be listed, has no PIN yet, or C_Login fails for no reason. Of ten
 * simultaneous opens one in twenty-five met one of these. So whatever may pass is tried a few times. A PIN
 * that was judged is not: it counts, and the token's flags are asked again before each login.
 */
enum err
ca_token_open(const struct ca_token_config *c, struct ca_token **out)
{
	static const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};

	for (int look = 1;; look++) {
		AUTO_STRUCT(ca_token) t = mem_zalloc(1, sizeof(*t));
		enum err e;

		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->left, NULL);
		t->sessions = c->sessions > 0 ? c->sessions : 1;
		e = open_token(c, t);

		if (e == ERR_OK) {
			*out = t;
			t = NULL;
			return ERR_OK;
		}
		if (look == LOOKS || e != ERR_UNAVAILABLE)
			return e;
		nanosleep(&pause, NULL);
	}
}

enum err
ca_token_open_configured(const struct config_hsm *h, struct ca_token **out)
{
	const struct ca_token_config token = {.module = h->module,
		.module_config = h->module_config,
		.token = h->token,
		.pin_file = h->pin_file,
		.pin_fd = h->pin_file != NULL ? -1 : (int)h->pin_fd,
		.sessions = h->sessions};

	return ca_token_open(&token, out);
}

void
ca_token_close(struct ca_token *t)
{
	if (t == NULL)
		return;
	if (t->session != 0) {
		t->module.f->C_Logout(t->session);
		t->module.f->C_CloseSession(t->session);
	}
	if (t->slots != NULL)
		PKCS11_release_all_slots(t->p11, t->slots, t->slot_count);
	if (t->p11 != NULL) {
		PKCS11_CTX_unload(t->p11);
		PKCS11_CTX_free(t->p11);
	} else if (t->module.f != NULL)
		t->module.f->C_Finalize(NULL);
	module_clear(&t->module);
	pthread_cond_destroy(&t->left);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void
ca_token_set_patience(struct ca_token *t, unsigned seconds)
{
	t->patience = seconds;
}

unsigned
ca_token_sessions(const struct ca_token *t)
{
	return t->sessions;
}

static unsigned
count_sessions(const struct ca_token *t, enum token_use use)
{
	return use == TOKEN_SIGNS ? 1 : t->sessions;
}

/* The alarm is the process's: it begins anew whenever a call returns, and ends with the last. */
static void
set_alarm(const struct ca_token *t)
{
	if (t->patience > 0)
		alarm(t->busy > 0 ? t->patience : 0);
}

void
token_enter(struct ca_token *t, enum token_use use)
{
	unsigned count = count_sessions(t, use);
	bool first;

	pthread_mutex_lock(&t->lock);
	while (t->busy + count > t->sessions)
		pthread_cond_wait(&t->left, &t->lock);
	first = t->busy == 0;
	t->busy += count;
	if (first)
		set_alarm(t);
	pthread_mutex_unlock(&t->lock);
}

void
token_leave(struct ca_token *t, enum token_use use)
{
	pthread_mutex_lock(&t->lock);
	t->busy -= count_sessions(t, use);
	set_alarm(t);
	pthread_cond_broadcast(&t->left);
	pthread_mutex_unlock(&t->lock);
}

const struct ca_token_info *
ca_token_info(const struct ca_token *t)
{
	return &t->info;
}

enum err
token_find(const struct ca_token *t, CK_OBJECT_CLASS class, const char *label,
	CK_OBJECT_HANDLE *out, CK_ULONG *count)
{
	CK_ATTRIBUTE query[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_LABEL, (void *)(uintptr_t)label, label != NULL ? strlen(label) : 0},
	};
	CK_RV rv = t->module.f->C_FindObjectsInit(t->session, query, label != NULL ? 2 : 1);

	if (rv != CKR_OK)
		return module_fail(rv, "C_FindObjectsInit");
	rv = t->module.f->C_FindObjects(t->session, out, HSM_FOUND_MAX, count);
	t->module.f->C_FindObjectsFinal(t->session);
	return rv == CKR_OK ? ERR_OK : module_fail(rv, "C_FindObjects");
}

static enum err
set_user_pin(const struct hsm_module *m, CK_SLOT_ID slot, struct hsm_pin *so, struct hsm_pin *user)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = m->f->C_OpenSession(
		slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	const char *step = "C_OpenSession";

	if (rv == CKR_OK) {
		step = "C_Login as SO";
		rv = m->f->C_Login(session, CKU_SO, so->text, so->n);
		if (rv == CKR_OK) {
			step = "C_InitPIN";
			rv = m->f->C_InitPIN(session, user->text, user->n);
			m->f->C_Logout(session);
		}
		m->f->C_CloseSession(session);
	}
	return rv == CKR_OK ? ERR_OK : module_fail(rv, step);
}

static enum err
init_token(const struct hsm_module *m, const struct ca_token_config *c, struct hsm_pin *so,
	struct hsm_pin *user)
{
	CK_UTF8CHAR label[32];
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;
	CK_RV rv;
	enum err e = module_slot_find(m, c->token, &slot, &info);

	if (e == ERR_OK || e == ERR_CONFLICT)
		return err_set(ERR_CONFLICT,
			"hsm: a token with label \"%s\" exists already; nothing was changed",
			c->token);
	if (e != ERR_NOTFOUND)
		return e;
	TRY(module_slot_free(m, &slot));
	memset(label, ' ', sizeof(label));
	memcpy(label, c->token, strlen(c->token));
	rv = m->f->C_InitToken(slot, so->text, so->n, label);
	if (rv != CKR_OK)
		return module_fail(rv, "C_InitToken");
	/* SoftHSM gives the token another slot number now. */
	TRY(module_slot_find(m, c->token, &slot, &info));
	return set_user_pin(m, slot, so, user);
}

enum err
ca_token_init(const struct ca_token_config *c, const char *so_pin_file)
{
	struct hsm_module m = {.path = NULL};

	AUTO_PIN(so);
	AUTO_PIN(user);
	enum err e;

	if (c->token[0] == 0 || strlen(c->token) > 32)
		return err_set(
			ERR_INVALID, "token label \"%s\" must have 1 to 32 octets", c->token);
	TRY(pin_read(so_pin_file, -1, &so));
	TRY(pin_read(c->pin_file, c->pin_fd, &user));
	TRY(module_load(c, &m));
	e = init_token(&m, c, &so, &user);
	m.f->C_Finalize(NULL);
	module_clear(&m);
	return e;
}
