/* Shifts the wall clock of whatever this is preloaded into (LD_PRELOAD), and lets it believe that the host was
 * suspended; CLOCK_MONOTONIC, which stands still meanwhile, is left alone.
 *
 * HOSTKEEPER_TEST_CLOCK names a file of two signed numbers of nanoseconds, of eight bytes each in the order of the host:
 * what to add to the wall clock alone, and for how long the host was suspended, to be added to CLOCK_BOOTTIME too. It is
 * mapped, so that a change counts from the next look at the clock on.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *shift;

__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("HOSTKEEPER_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, 2 * sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        shift = mapped;
}

static int64_t added(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return shift[0] + shift[1];
    case CLOCK_BOOTTIME:
        return shift[1];
    default:
        return 0;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    /* The system call itself: looking up the function that this one hides could need the clock. */
    if (syscall(SYS_clock_gettime, clock, now) != 0)
        return -1;
    int64_t more = shift ? added(clock) : 0;
    if (more != 0) {
        int64_t total = now->tv_sec * SECOND + now->tv_nsec + more;
        now->tv_sec = total / SECOND;
        now->tv_nsec = total % SECOND;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
        return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (where)
        *where = precise.tv_sec;
    return precise.tv_sec;
}
