/* The two ends of a cold start over IPv4. Times are of CLOCK_MONOTONIC, in nanoseconds.
 *
 *     cold serve PORT               sends every datagram back and accepts TCP; stays
 *     cold udp TARGET PORT WARM     sends one datagram and waits for it to come back, and never sends it
 *                                   again; then WARM more, or until one is lost, each after a pause
 *     cold tcp TARGET PORT WARM     the same with connect()
 *
 * The last two print three lines: `first NS` (or `first lost`), `warm NS …` and `retransmitted N`, which is
 * how many TCP segments this network namespace sent again meanwhile, SYNs among them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    SIZE = 64,          /* bytes of a datagram */
    DATAGRAM_MAX = 2048,
    DATAGRAM_WAIT_S = 3,
    CONNECT_WAIT_S = 10,
    WARM_MAX = 1000,
    BACKLOG = 64,
};
static const int64_t LOST = -1;
/* After the first: whatever a session says at its start is said. */
static const long SETTLE_NS = 100 * 1000 * 1000;
static const long PAUSE_NS = 10 * 1000 * 1000;

typedef int64_t (*attempt)(const struct sockaddr_in *target);

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void nap(long ns) {
    struct timespec t = {0, ns};
    nanosleep(&t, NULL);
}

static int fail(const char *what) {
    perror(what);
    exit(1);
}

/* --- one attempt: how long it took, or LOST ------------------------------------------------ */

static int datagrams = -1;

static int64_t echo(const struct sockaddr_in *target) {
    static uint32_t number;
    char out[SIZE] = {0}, in[DATAGRAM_MAX];
    (void)target;
    number++;
    memcpy(out, &number, sizeof number);
    int64_t begun = now_ns();
    if (send(datagrams, out, sizeof out, 0) != sizeof out) return LOST;
    for (;;) {
        ssize_t len = recv(datagrams, in, sizeof in, 0);
        int64_t end = now_ns();
        /* An earlier one that comes late is not the answer. */
        if (len == SIZE && !memcmp(in, out, SIZE)) return end - begun;
        if (len < 0 && errno != EINTR) return LOST;
    }
}

/* The server closes first, and this end takes the stream down by a reset: nothing of it is sent later, when
 * the next start has to be cold. */
static void end_stream(int fd) {
    struct timeval patience = {1, 0};
    struct linger at_once = {1, 0};
    char byte;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)!read(fd, &byte, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static int64_t open_stream(const struct sockaddr_in *target) {
    struct timeval patience = {CONNECT_WAIT_S, 0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) fail("a socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int64_t begun = now_ns();
    int refused = connect(fd, (const void *)target, sizeof *target);
    int64_t took = now_ns() - begun;
    end_stream(fd);
    return refused ? LOST : took;
}

/* --- the client ---------------------------------------------------------------------------- */

/* TCP segments that this network namespace has sent again. */
static long retransmitted(void) {
    char names[1024], values[1024];
    FILE *counters = fopen("/proc/self/net/snmp", "r");
    if (!counters) fail("/proc/self/net/snmp");
    while (fgets(names, sizeof names, counters) && fgets(values, sizeof values, counters)) {
        if (strncmp(names, "Tcp:", 4)) continue;
        fclose(counters);
        char *name_end, *value_end;
        char *name = strtok_r(names, " \n", &name_end), *value = strtok_r(values, " \n", &value_end);
        for (; name && value; name = strtok_r(NULL, " \n", &name_end), value = strtok_r(NULL, " \n", &value_end))
            if (!strcmp(name, "RetransSegs")) return atol(value);
        break;
    }
    fprintf(stderr, "the kernel does not count RetransSegs\n");
    exit(1);
}

static void dial(const struct sockaddr_in *target) {
    struct timeval patience = {DATAGRAM_WAIT_S, 0};
    datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    if (datagrams < 0) fail("a socket");
    setsockopt(datagrams, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(datagrams, (const void *)target, sizeof *target)) fail("connect");
}

static int client(const char *host, const char *port, const char *count, attempt try) {
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    int64_t warm[WARM_MAX];
    int warms = atoi(count), got = 0;
    if (inet_pton(AF_INET, host, &target.sin_addr) != 1 || warms < 0 || warms > WARM_MAX)
        return fprintf(stderr, "TARGET: an IPv4 address; WARM: 0 to %d\n", WARM_MAX), 2;
    if (try == echo) dial(&target);
    long before = retransmitted();
    int64_t first = try(&target);
    if (warms) nap(SETTLE_NS);
    for (; got < warms; got++) {
        nap(PAUSE_NS);
        if ((warm[got] = try(&target)) == LOST) break;
    }
    if (first == LOST) printf("first lost\nwarm");
    else printf("first %" PRId64 "\nwarm", first);
    for (int i = 0; i < got; i++) printf(" %" PRId64, warm[i]);
    printf("\nretransmitted %ld\n", retransmitted() - before);
    return 0;
}

/* --- the server ---------------------------------------------------------------------------- */

static int listen_at(int kind, const char *port) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    int fd = socket(AF_INET, kind, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (const void *)&here, sizeof here)) fail("a port");
    if (kind == SOCK_STREAM && listen(fd, BACKLOG)) fail("listen");
    return fd;
}

static void send_back(int fd) {
    char bytes[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(fd, bytes, sizeof bytes, 0, (void *)&from, &from_len);
    if (len >= 0) sendto(fd, bytes, len, 0, (const void *)&from, from_len);
}

static void take(int fd) {
    int stream = accept(fd, NULL, NULL);
    if (stream >= 0) close(stream);
}

static void serve(const char *port) {
    struct pollfd ends[] = {{listen_at(SOCK_DGRAM, port), POLLIN, 0}, {listen_at(SOCK_STREAM, port), POLLIN, 0}};
    for (;;) {
        if (poll(ends, 2, -1) < 0) continue;
        if (ends[0].revents) send_back(ends[0].fd);
        if (ends[1].revents) take(ends[1].fd);
    }
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "serve")) serve(words[2]);
    if (count == 5 && !strcmp(words[1], "udp")) return client(words[2], words[3], words[4], echo);
    if (count == 5 && !strcmp(words[1], "tcp")) return client(words[2], words[3], words[4], open_stream);
    fprintf(stderr, "usage: cold serve PORT | udp TARGET PORT WARM | tcp TARGET PORT WARM\n");
    return 2;
}
