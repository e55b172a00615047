#define _GNU_SOURCE
/* ENet: the sender is the host, receivers connect to it; an ENet channel a channel. Values and echoes are unreliable
 * and sequenced, the rest reliable. Default throttling and windows. Not encrypted. */
#include "harness.h"
#include <enet/enet.h>
#include <poll.h>
#include <time.h>

static ENetHost *host;
static const struct task *task;
static int connected;

static void handle(const ENetEvent *event) {
    if (event->type == ENET_EVENT_TYPE_CONNECT) connected++;
    else if (event->type == ENET_EVENT_TYPE_RECEIVE) {
        on_message(event->channelID, event->packet->data, event->packet->dataLength);
        enet_packet_destroy(event->packet);
    }
}

void peer_open(const struct task *given) {
    task = given;
    if (enet_initialize() != 0) fail("ENet does not start");
    ENetAddress address = { .port = (enet_uint16)task->port };
    enet_address_set_host(&address, task->host);
    host = task->is_sender ? enet_host_create(&address, 64, CHANNELS, 0, 0) : enet_host_create(NULL, 1, CHANNELS, 0, 0);
    if (host == NULL) fail("ENet has no host");
    if (task->is_sender) return;
    if (enet_host_connect(host, &address, CHANNELS, 0) == NULL) fail("ENet has no peer");
    double end = now_us() + 5e6;
    while (connected == 0 && now_us() < end) peer_wait(now_us() + 10e3);
    if (connected == 0) fail("ENet did not connect");
}

int peer_send(int channel, const void *bytes, size_t length) {
    int is_value = channel == CHANNEL_ECHO || channel == CHANNEL_STREAM;
    ENetPacket *packet = enet_packet_create(bytes, length, is_value ? 0 : ENET_PACKET_FLAG_RELIABLE);
    if (packet == NULL) fail("no memory");
    /* To all: the only one of a receiver is the sender. */
    enet_host_broadcast(host, (enet_uint8)channel, packet);
    return 1;
}

void peer_flush(void) { enet_host_flush(host); }

void peer_wait(double until_us) {
    ENetEvent event;
    for (;;) {
        int handled = 0;
        while (enet_host_service(host, &event, 0) > 0) {
            handle(&event);
            /* A flood does not keep the values of a stream waiting. */
            if (++handled >= 64) break;
        }
        double left_us = until_us - now_us();
        if (handled > 0 || left_us <= 0) return;
        /* ENet repeats by its own clock of a millisecond. */
        if (left_us > 1000) left_us = 1000;
        struct pollfd socket = { .fd = host->socket, .events = POLLIN };
        struct timespec time = { 0, (long)(left_us * 1e3) };
        ppoll(&socket, 1, &time, NULL);
    }
}

int peer_connected(void) { return connected; }

void peer_close(void) {
    enet_host_destroy(host);
    enet_deinitialize();
}
