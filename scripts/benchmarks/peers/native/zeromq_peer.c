/* ZeroMQ in C: a pair for echoes, PUSH and PULL for what must arrive, PUB and SUB for values; the same patterns and
 * ports as drivers/zeromq.ts. Not encrypted, no broker. */
#define _GNU_SOURCE
#include "harness.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <zmq.h>

enum { MAX_MESSAGE_BYTES = 4 << 20 };

static void *context;
static void *sockets[CHANNELS];
static const struct task *task;
static int connected;
static uint8_t buffer[MAX_MESSAGE_BYTES];

static void open_socket(int channel, int sender_kind, int receiver_kind) {
    char address[128];
    int none = 0;
    int linger = 0;
    /* The window of the workload bounds what waits; of values it keeps the usual thousand. */
    int unbounded = 0;
    /* Only values go to many; what goes to one is the first one's. */
    if (!task->is_sender && task->index > 0 && channel != CHANNEL_STREAM && channel != CHANNEL_BACK) return;
    void *socket = zmq_socket(context, task->is_sender ? sender_kind : receiver_kind);
    snprintf(address, sizeof address, "tcp://%s:%d", task->host, task->port + channel);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    if (channel == CHANNEL_FLOW) {
        zmq_setsockopt(socket, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
        zmq_setsockopt(socket, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
    }
    if (receiver_kind == ZMQ_SUB && !task->is_sender) zmq_setsockopt(socket, ZMQ_SUBSCRIBE, &none, 0);
    int failed = task->is_sender ? zmq_bind(socket, address) : zmq_connect(socket, address);
    if (failed != 0) fail("ZeroMQ has no address");
    sockets[channel] = socket;
}

void peer_open(const struct task *given) {
    task = given;
    context = zmq_ctx_new();
    open_socket(CHANNEL_ECHO, ZMQ_PAIR, ZMQ_PAIR);
    open_socket(CHANNEL_FLOW, ZMQ_PUSH, ZMQ_PULL);
    open_socket(CHANNEL_STREAM, ZMQ_PUB, ZMQ_SUB);
    open_socket(CHANNEL_BULK, ZMQ_PUSH, ZMQ_PULL);
    open_socket(CHANNEL_BACK, ZMQ_PULL, ZMQ_PUSH);
    if (!task->is_sender) zmq_send(sockets[CHANNEL_BACK], "h", 1, 0);
}

int peer_send(int channel, const void *bytes, size_t length) {
    return zmq_send(sockets[channel], bytes, length, ZMQ_DONTWAIT) >= 0 || errno != EAGAIN;
}

void peer_flush(void) {}

static int receives(int channel) {
    if (sockets[channel] == NULL) return 0;
    return channel == CHANNEL_ECHO || (channel == CHANNEL_BACK) == task->is_sender;
}

static int drain(void) {
    int handled = 0;
    for (int channel = 0; channel < CHANNELS; channel++) {
        for (int i = 0; receives(channel) && i < 1000; i++) {
            int length = zmq_recv(sockets[channel], buffer, sizeof buffer, ZMQ_DONTWAIT);
            if (length < 0) break;
            handled++;
            if (length == 1) connected++;
            else on_message(channel, buffer, (size_t)length);
        }
    }
    return handled;
}

void peer_wait(double until_us) {
    for (;;) {
        double left_us = until_us - now_us();
        if (drain() > 0 || left_us <= 0) return;
        zmq_pollitem_t items[CHANNELS];
        int count = 0;
        for (int channel = 0; channel < CHANNELS; channel++) {
            if (receives(channel)) items[count++] = (zmq_pollitem_t){ sockets[channel], 0, ZMQ_POLLIN, 0 };
        }
        /* Its own wait counts in milliseconds: what is left of one is slept in small steps. */
        if (left_us >= 1000) zmq_poll(items, count, (long)(left_us / 1000));
        else if (zmq_poll(items, count, 0) == 0) {
            struct timespec time = { 0, (long)((left_us < 50 ? left_us : 50) * 1e3) };
            nanosleep(&time, NULL);
        }
    }
}

int peer_connected(void) { return connected; }

void peer_close(void) {
    for (int channel = 0; channel < CHANNELS; channel++) if (sockets[channel] != NULL) zmq_close(sockets[channel]);
    zmq_ctx_term(context);
}
