/* LD_PRELOAD: the time of day is CLOCK_AHEAD seconds (of the environment) ahead. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *ahead = getenv("CLOCK_AHEAD");
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME && ahead != NULL)
		ts->tv_sec += atol(ahead);
	return rc;
}
