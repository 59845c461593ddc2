/* What the measurements need and no ordinary program does. Takes IPv4 and IPv6 addresses.
 *
 *     probe first TARGET SECONDS             asks for an ICMP echo every 5 ms and prints the time of
 *                                            the first answer (CLOCK_MONOTONIC, seconds)
 *     probe send TARGET PORT SIZE RATE SECONDS   sends datagrams, RATE a second (0: as fast as it
 *                                            can); prints how many the kernel took
 *     probe receive ADDRESS PORT             prints `ready`; after SIGTERM, once 300 ms passed in
 *                                            silence, how many came, and how many each second
 *
 * `send` counts what a full queue of the sending machine dropped as sent: it is lost on the way like
 * any other. It paces in groups of at most 32 datagrams. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    GROUP = 32,                  /* datagrams of one call */
    SIZE_MAX_BYTES = 2048,
    RECEIVE_BUFFER = 8 << 20,
};
static const double ECHO_EVERY_S = 0.005;
static const double SILENCE_S = 0.3;
/* To be woken for every datagram would cost more than to receive it. The buffer holds what comes until then. */
static const double LOOK_EVERY_S = 200e-6;

static volatile sig_atomic_t told_to_stop;

static void on_signal(int signal) {
    (void)signal;
    told_to_stop = 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void nap(double seconds) {
    struct timespec t = {0, (long)(seconds * 1e9)};
    nanosleep(&t, NULL);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

struct address {
    struct sockaddr_storage bytes;
    socklen_t len;
    int v6;
};

static struct address read_address(const char *host, const char *port) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *found;
    struct address made = {.len = 0};
    if (getaddrinfo(host, port, &hints, &found)) {
        fprintf(stderr, "%s is no address\n", host);
        exit(2);
    }
    memcpy(&made.bytes, found->ai_addr, found->ai_addrlen);
    made.len = found->ai_addrlen;
    made.v6 = found->ai_family == AF_INET6;
    freeaddrinfo(found);
    return made;
}

/* --- first -------------------------------------------------------------------------------- */

static uint16_t internet_checksum(const uint8_t *bytes, int len) {
    uint32_t sum = 0;
    for (int i = 0; i + 1 < len; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static void ask(int fd, const struct address *target, uint16_t id, uint16_t number) {
    uint8_t echo[64] = {target->v6 ? 128 : 8, 0, 0, 0, id >> 8, id & 255, number >> 8, number & 255};
    if (!target->v6) { /* the kernel writes that of ICMPv6 */
        uint16_t sum = internet_checksum(echo, sizeof echo);
        echo[2] = sum >> 8;
        echo[3] = sum & 255;
    }
    sendto(fd, echo, sizeof echo, 0, (const void *)&target->bytes, target->len);
}

static int is_answer(int fd, int v6, uint16_t id) {
    uint8_t in[SIZE_MAX_BYTES], *icmp = in;
    int len = recv(fd, in, sizeof in, MSG_DONTWAIT);
    if (!v6 && len > 0) {
        int before = (in[0] & 15) * 4;
        icmp += before;
        len -= before;
    }
    return len >= 8 && icmp[0] == (v6 ? 129 : 0) && icmp[4] == id >> 8 && icmp[5] == (id & 255);
}

static int first(char **words) {
    struct address target = read_address(words[0], "0");
    double end = now() + atof(words[1]);
    int fd = socket(target.v6 ? AF_INET6 : AF_INET, SOCK_RAW, target.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    uint16_t id = getpid(), number = 0;
    if (fd < 0) fail("a raw socket");
    while (now() < end && !told_to_stop) {
        double until = now() + ECHO_EVERY_S, left;
        ask(fd, &target, id, ++number);
        while ((left = until - now()) > 0) {
            struct pollfd readable = {fd, POLLIN, 0};
            struct timespec wait = {0, (long)(left * 1e9)};
            if (ppoll(&readable, 1, &wait, NULL) > 0 && is_answer(fd, target.v6, id)) {
                printf("%.6f\n", now());
                return 0;
            }
        }
    }
    return 1;
}

/* --- send and receive --------------------------------------------------------------------- */

/* Lets all messages of a group use this room, `apart` bytes apart. */
static void lay_out(struct mmsghdr *group, struct iovec *parts, uint8_t *room, int size, int apart) {
    memset(group, 0, GROUP * sizeof *group);
    for (int i = 0; i < GROUP; i++) {
        parts[i] = (struct iovec){room + i * apart, size};
        group[i].msg_hdr.msg_iov = &parts[i];
        group[i].msg_hdr.msg_iovlen = 1;
    }
}

static int send_paced(char **words) {
    static uint8_t room[SIZE_MAX_BYTES];
    struct address target = read_address(words[0], words[1]);
    int size = atoi(words[2]), buffer = 1 << 20;
    double rate = atof(words[3]), seconds = atof(words[4]), begun, since;
    struct mmsghdr group[GROUP];
    struct iovec parts[GROUP];
    unsigned long sent = 0;
    int fd = socket(target.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    if (size < 1 || size > SIZE_MAX_BYTES) return fprintf(stderr, "SIZE: 1 to %d\n", SIZE_MAX_BYTES), 2;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    if (connect(fd, (void *)&target.bytes, target.len)) fail("connect");
    lay_out(group, parts, room, size, 0);
    begun = now();
    while ((since = now() - begun) < seconds && !told_to_stop) {
        double due = rate > 0 ? rate * since - sent : GROUP;
        if (due < 1) {
            nap(50e-6);
            continue;
        }
        int taken = sendmmsg(fd, group, due < GROUP ? (int)due : GROUP, 0);
        if (taken > 0) sent += taken;
        else if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR) fail("sendmmsg");
    }
    printf("%lu\n", sent);
    return 0;
}

static int receive(char **words) {
    static uint8_t room[GROUP * SIZE_MAX_BYTES];
    struct address here = read_address(words[0], words[1]);
    int buffer = RECEIVE_BUFFER;
    struct mmsghdr group[GROUP];
    struct iovec parts[GROUP];
    unsigned long got = 0;
    double begun = 0, last = 0, stopped = 0;
    int fd = socket(here.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (bind(fd, (void *)&here.bytes, here.len)) fail("bind");
    lay_out(group, parts, room, SIZE_MAX_BYTES, SIZE_MAX_BYTES);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int count = recvmmsg(fd, group, GROUP, MSG_DONTWAIT, NULL);
        if (count > 0) {
            last = now();
            if (!got) begun = last;
            got += count;
            continue;
        }
        if (told_to_stop && !stopped) stopped = now();
        if (stopped && now() - last > SILENCE_S) break;
        nap(LOOK_EVERY_S);
    }
    printf("%lu %.0f\n", got, last > begun ? got / (last - begun) : 0.0);
    return 0;
}

int main(int count, char **words) {
    static const struct { const char *name; int words; int (*run)(char **); } verbs[] = {
        {"first", 2, first}, {"send", 5, send_paced}, {"receive", 2, receive},
    };
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (count > 1 && !strcmp(words[1], verbs[i].name) && count - 2 == verbs[i].words) return verbs[i].run(words + 2);
    fprintf(stderr, "usage: probe first TARGET SECONDS | send TARGET PORT SIZE RATE SECONDS | receive ADDRESS PORT\n");
    return 2;
}
