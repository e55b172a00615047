/* A cable between two interfaces in user space: forwards Ethernet frames, each after a fixed delay and in order, and
 * loses some of them by seed. Every peer that is compared runs over it, TCP and UDP alike.
 * Decides which frames are lost: each way draws from a stream of its own, ARP is never lost. May also be narrow: frames
 * leave at a rate, and what does not fit the queue before it is lost. Never looks further into a frame than its type.
 * Usage: lossy_forwarder LEFT RIGHT loss=PARTS_PER_MILLION delay=MICROSECONDS seed=N [rate=BYTES_A_SECOND queue=BYTES]
 * A line of JSON when it is ready, and one of figures when its input ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* struct virtio_net_hdr: checksums of virtual Ethernet are not filled in yet; it says so, and travels along. */
enum { VNET_BYTES = 10, FRAME_BYTES = 2048, MAX_FRAMES = 1 << 15, BUFFER_BYTES = 16 << 20 };

struct frame {
    double due_us;
    int length;
    uint8_t bytes[FRAME_BYTES];
};

/* One way through. */
struct way {
    int from, to;
    uint64_t random;
    struct frame *frames;
    uint32_t head, tail;
    double free_us;
    uint64_t passed, bytes, lost, overflowed, failed, late;
};

static double loss, delay_us, rate, queue_bytes;
static uint64_t seed = 1;

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* SplitMix64: small, and good enough to draw losses. */
static double draw(uint64_t *state) {
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (double)((mixed ^ mixed >> 31) >> 11) / 9007199254740992.0;
}

static int open_port(const char *name) {
    int one = 1, size = BUFFER_BYTES;
    int port = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    if (port < 0) fail("AF_PACKET");
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)
    };
    struct packet_mreq promiscuous = { .mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
    if (setsockopt(port, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) fail("PACKET_VNET_HDR");
    if (setsockopt(port, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) fail("PACKET_IGNORE_OUTGOING");
    setsockopt(port, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(port, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    if (bind(port, (struct sockaddr *)&address, sizeof address) != 0) fail(name);
    setsockopt(port, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
    return port;
}

static void take(struct way *way) {
    for (int i = 0; i < 64; i++) {
        if (way->tail - way->head >= MAX_FRAMES) return;
        struct frame *frame = &way->frames[way->tail % MAX_FRAMES];
        ssize_t length = recv(way->from, frame->bytes, FRAME_BYTES, MSG_TRUNC);
        if (length < 0) return;
        if (length < VNET_BYTES + ETHER_HDR_LEN) continue;
        if (length > FRAME_BYTES) {
            way->failed++;
            continue;
        }
        double now = now_us();
        const uint8_t *type = frame->bytes + VNET_BYTES + 12;
        int is_arp = type[0] == 0x08 && type[1] == 0x06;
        if (!is_arp && draw(&way->random) < loss) {
            way->lost++;
            continue;
        }
        double leaves = now;
        if (rate > 0) {
            if (way->free_us > now) leaves = way->free_us;
            if ((leaves - now) * rate / 1e6 > queue_bytes) {
                way->overflowed++;
                continue;
            }
            leaves += (double)(length - VNET_BYTES) / rate * 1e6;
            way->free_us = leaves;
        }
        frame->length = (int)length;
        frame->due_us = leaves + delay_us;
        way->tail++;
    }
}

static void pass(struct way *way) {
    while (way->head != way->tail) {
        struct frame *frame = &way->frames[way->head % MAX_FRAMES];
        double late = now_us() - frame->due_us;
        if (late < 0) return;
        if (late > 1000) way->late++;
        if (send(way->to, frame->bytes, (size_t)frame->length, 0) < 0) {
            if (errno == EAGAIN || errno == ENOBUFS) return;
            way->failed++;
        }
        way->passed++;
        way->bytes += (uint64_t)(frame->length - VNET_BYTES);
        way->head++;
    }
}

static void report(const struct way *ways) {
    const char *names[] = { "there", "back" };
    printf("{");
    for (int i = 0; i < 2; i++) {
        printf("%s\"%s\":{\"passed\":%llu,\"bytes\":%llu,\"lost\":%llu,\"overflowed\":%llu,\"failed\":%llu,\"late\":%llu}",
               i > 0 ? "," : "", names[i], (unsigned long long)ways[i].passed, (unsigned long long)ways[i].bytes,
               (unsigned long long)ways[i].lost, (unsigned long long)ways[i].overflowed,
               (unsigned long long)ways[i].failed, (unsigned long long)ways[i].late);
    }
    printf("}\n");
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: lossy_forwarder LEFT RIGHT loss=PPM delay=US seed=N [rate=BYTES_S queue=BYTES]\n");
        return 2;
    }
    queue_bytes = 256e3;
    for (int i = 3; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value == NULL) continue;
        double number = atof(++value);
        if (strncmp(arguments[i], "loss=", 5) == 0) loss = number / 1e6;
        else if (strncmp(arguments[i], "delay=", 6) == 0) delay_us = number;
        else if (strncmp(arguments[i], "seed=", 5) == 0) seed = (uint64_t)number;
        else if (strncmp(arguments[i], "rate=", 5) == 0) rate = number;
        else if (strncmp(arguments[i], "queue=", 6) == 0) queue_bytes = number;
    }
    int ports[] = { open_port(arguments[1]), open_port(arguments[2]) };
    struct way ways[2];
    memset(ways, 0, sizeof ways);
    for (int i = 0; i < 2; i++) {
        ways[i].from = ports[i];
        ways[i].to = ports[1 - i];
        ways[i].random = seed * 2 + (uint64_t)i;
        ways[i].frames = malloc(sizeof(struct frame) * MAX_FRAMES);
        if (ways[i].frames == NULL) fail("memory");
    }
    if (nice(-20) == -1) errno = 0;
    printf("{\"ready\":true}\n");
    fflush(stdout);
    for (;;) {
        double next = now_us() + 100e3;
        for (int i = 0; i < 2; i++) {
            if (ways[i].head == ways[i].tail) continue;
            double due = ways[i].frames[ways[i].head % MAX_FRAMES].due_us;
            if (due < next) next = due;
        }
        double left = next - now_us();
        struct timespec time = { 0, left > 0 ? (long)(left * 1e3) : 0 };
        struct pollfd files[] = { { ports[0], POLLIN, 0 }, { ports[1], POLLIN, 0 }, { 0, POLLIN, 0 } };
        ppoll(files, 3, &time, NULL);
        for (int i = 0; i < 2; i++) {
            pass(&ways[i]);
            take(&ways[i]);
            pass(&ways[i]);
        }
        char line[16];
        if (files[2].revents != 0 && read(0, line, sizeof line) <= 0) break;
    }
    report(ways);
    return 0;
}
