/* The yardstick: the least that a tunnel has to do. Carries packets between a TUN device and one
 * UDP socket, one thread for each direction.
 *
 *     forwarder DEVICE LOCAL REMOTE PORT plain|aes|gso|gsoaes
 *
 * plain, aes    one read, one send and one write for each packet
 * gso, gsoaes   the TUN device hands over up to 64 KiB at once (virtio header, TSO and, where the
 *               kernel has it, USO); that is cut into pieces, sent by one call (UDP_SEGMENT),
 *               received by one call (UDP_GRO) and put together again
 * aes, gsoaes   each datagram is sealed with AES-256-GCM of OpenSSL
 *
 * What it leaves out, and a real tunnel may not: handshake, change of keys, replay window, more
 * than one peer, loss of a piece (the whole 64 KiB are lost then). The key is fixed. It says what
 * the system calls and the cipher cost at least; nobody may send anything real through it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
/* Newer than the headers of Debian 12. */
#define OFFLOAD_USO (0x20 | 0x40)
#define OFFLOAD_TSO (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

enum {
    PACKET_MAX = 65535 + 10,     /* what one read of the TUN device may give, virtio header and all */
    DATAGRAM_MAX = 65507,        /* what one call may send over IPv4 */
    PIECE = 1408,                /* bytes of the packet in one datagram of the gso modes */
    TAG = 16,
    SOCKET_BUFFER = 8 << 20,
};

/* Before each datagram, but in the mode plain. */
struct header {
    uint32_t frame;              /* which read of the TUN device this belongs to */
    uint16_t piece, pieces;
    uint64_t counter;            /* never twice under one key */
};

static int tun_fd, udp_fd, sealed, batched;
static uint8_t outward, inward; /* the direction, which is a part of the nonce */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* --- the cipher --------------------------------------------------------------------------- */

static EVP_CIPHER_CTX *cipher(int encrypt) {
    static const uint8_t key[32] = "a yardstick, never for real use";
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx || !EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL, encrypt)) fail("AES-256-GCM");
    return ctx;
}

static void set_nonce(EVP_CIPHER_CTX *ctx, uint8_t direction, uint64_t counter) {
    uint8_t nonce[12] = {direction};
    memcpy(nonce + 4, &counter, sizeof counter);
    EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1);
}

/* Writes `len` bytes, sealed or as they are; returns how many bytes that became. */
static int put_body(EVP_CIPHER_CTX *ctx, uint64_t counter, const uint8_t *from, int len, uint8_t *to) {
    int done = 0, rest = 0;
    if (!ctx) return memcpy(to, from, len), len;
    set_nonce(ctx, outward, counter);
    EVP_EncryptUpdate(ctx, to, &done, from, len);
    EVP_EncryptFinal_ex(ctx, to + done, &rest);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, to + len);
    return len + TAG;
}

/* The inverse; -1 when it is not what was sealed. */
static int take_body(EVP_CIPHER_CTX *ctx, uint64_t counter, uint8_t *from, int len, uint8_t *to) {
    int done = 0, rest = 0;
    if (!ctx) return memcpy(to, from, len), len;
    if ((len -= TAG) < 0) return -1;
    set_nonce(ctx, inward, counter);
    EVP_DecryptUpdate(ctx, to, &done, from, len);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, from + len);
    return EVP_DecryptFinal_ex(ctx, to + done, &rest) > 0 ? len : -1;
}

/* --- from the TUN device to the socket ---------------------------------------------------- */

/* Sends datagrams that lie one behind the other, all of `each` bytes but the last. */
static void send_batch(uint8_t *bytes, int len, int each) {
    union { char room[CMSG_SPACE(sizeof(uint16_t))]; struct cmsghdr align; } control = {{0}};
    struct iovec part = {bytes, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (len > each) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *segment = CMSG_FIRSTHDR(&message);
        segment->cmsg_level = SOL_UDP;
        segment->cmsg_type = UDP_SEGMENT;
        segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = each;
        memcpy(CMSG_DATA(segment), &size, sizeof size);
    }
    if (sendmsg(udp_fd, &message, 0) < 0) return; /* a full queue loses packets, as queues do */
}

static void send_in_pieces(EVP_CIPHER_CTX *ctx, const uint8_t *packet, int len, uint8_t *out, struct header *next) {
    const int each = sizeof *next + PIECE + (ctx ? TAG : 0);
    int used = 0;
    next->frame++;
    next->pieces = (len + PIECE - 1) / PIECE;
    for (next->piece = 0; next->piece < next->pieces; next->piece++) {
        if (used + each > DATAGRAM_MAX) {
            send_batch(out, used, each);
            used = 0;
        }
        int from = next->piece * PIECE, part = len - from < PIECE ? len - from : PIECE;
        next->counter++;
        memcpy(out + used, next, sizeof *next);
        used += sizeof *next;
        used += put_body(ctx, next->counter, packet + from, part, out + used);
    }
    send_batch(out, used, each);
}

static void *outward_loop(void *unused) {
    static uint8_t packet[PACKET_MAX], out[DATAGRAM_MAX];
    EVP_CIPHER_CTX *ctx = sealed ? cipher(1) : NULL;
    struct header next = {0};
    (void)unused;
    for (;;) {
        int len = read(tun_fd, packet, sizeof packet);
        if (len <= 0) continue;
        if (batched) {
            send_in_pieces(ctx, packet, len, out, &next);
        } else if (!sealed) {
            send_batch(packet, len, len);
        } else {
            next.counter++;
            memcpy(out, &next, sizeof next);
            len = put_body(ctx, next.counter, packet, len, out + sizeof next) + sizeof next;
            send_batch(out, len, len);
        }
    }
    return NULL;
}

/* --- from the socket to the TUN device ---------------------------------------------------- */

/* What of a packet has come so far. */
struct rebuilt {
    uint32_t frame;
    int next, len;               /* the piece that has to come next; -1: one was lost */
    uint8_t bytes[PACKET_MAX + PIECE + TAG];
};

static void to_tun(const uint8_t *packet, int len) {
    if (len > 0 && write(tun_fd, packet, len) < 0) return; /* as above */
}

static void take_piece(EVP_CIPHER_CTX *ctx, uint8_t *datagram, int len, struct rebuilt *packet) {
    struct header head;
    if (len < (int)sizeof head) return;
    memcpy(&head, datagram, sizeof head);
    if (head.piece == 0) packet->frame = head.frame, packet->next = packet->len = 0;
    if (head.frame != packet->frame || head.piece != packet->next || packet->len > PACKET_MAX - PIECE) {
        packet->next = -1;
        return;
    }
    len = take_body(ctx, head.counter, datagram + sizeof head, len - sizeof head, packet->bytes + packet->len);
    if (len < 0 || len > PIECE) {
        packet->next = -1;
        return;
    }
    packet->len += len;
    packet->next++;
    if (packet->next == head.pieces) to_tun(packet->bytes, packet->len);
}

/* How long each of the datagrams is that one call received; `len` when it was only one. */
static int each_of(struct msghdr *message, int len) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
        int size;
        memcpy(&size, CMSG_DATA(c), sizeof size);
        return size > 0 ? size : len;
    }
    return len;
}

static void inward_loop(void) {
    static uint8_t in[PACKET_MAX];
    static struct rebuilt packet;
    EVP_CIPHER_CTX *ctx = sealed ? cipher(0) : NULL;
    for (;;) {
        union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
        struct iovec part = {in, sizeof in};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
                                 .msg_control = control.room, .msg_controllen = sizeof control.room};
        int len = recvmsg(udp_fd, &message, 0);
        if (len <= 0) continue;
        if (batched) {
            int each = each_of(&message, len);
            for (int at = 0; at < len; at += each) take_piece(ctx, in + at, len - at < each ? len - at : each, &packet);
        } else if (!sealed) {
            to_tun(in, len);
        } else if (len > (int)sizeof(struct header)) {
            struct header head;
            memcpy(&head, in, sizeof head);
            to_tun(packet.bytes, take_body(ctx, head.counter, in + sizeof head, len - sizeof head, packet.bytes));
        }
    }
}

/* --- start -------------------------------------------------------------------------------- */

static void open_tun(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | (batched ? IFF_VNET_HDR : 0)};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if ((tun_fd = open("/dev/net/tun", O_RDWR)) < 0 || ioctl(tun_fd, TUNSETIFF, &request)) fail("the TUN device");
    if (!batched) return;
    if (ioctl(tun_fd, TUNSETOFFLOAD, OFFLOAD_TSO | OFFLOAD_USO) && ioctl(tun_fd, TUNSETOFFLOAD, OFFLOAD_TSO))
        fail("offloads of the TUN device");
}

static struct sockaddr_in at(const char *address, int port) {
    struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &made.sin_addr) != 1) fail(address);
    return made;
}

static void open_udp(const char *local, const char *remote, int port) {
    struct sockaddr_in here = at(local, port), there = at(remote, port);
    int size = SOCKET_BUFFER, on = 1;
    outward = ntohl(here.sin_addr.s_addr) < ntohl(there.sin_addr.s_addr);
    inward = !outward;
    udp_fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(udp_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(udp_fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    if (bind(udp_fd, (void *)&here, sizeof here) || connect(udp_fd, (void *)&there, sizeof there)) fail("the socket");
    if (batched && setsockopt(udp_fd, SOL_UDP, UDP_GRO, &on, sizeof on)) fail("UDP_GRO");
}

int main(int count, char **words) {
    pthread_t thread;
    if (count != 6) {
        fprintf(stderr, "usage: forwarder DEVICE LOCAL REMOTE PORT plain|aes|gso|gsoaes\n");
        return 2;
    }
    batched = strncmp(words[5], "gso", 3) == 0;
    sealed = strstr(words[5], "aes") != NULL;
    open_tun(words[1]);
    open_udp(words[2], words[3], atoi(words[4]));
    if (pthread_create(&thread, NULL, outward_loop, NULL)) fail("a thread");
    inward_loop();
}
