/* What a peer in C provides, and what the workloads (harness.c) give it. The same workloads, channels and message heads
 * as those of the drivers in TypeScript (drivers/endpoint.ts). */
#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>
#include <stdint.h>

enum channel { CHANNEL_ECHO, CHANNEL_FLOW, CHANNEL_STREAM, CHANNEL_BULK, CHANNEL_BACK, CHANNELS };

struct task {
    int is_sender;
    const char *kind, *host, *own_host, *samples;
    int port, receivers, index;
    int64_t bytes, warm_up_us, measure_us, window, bulk_bytes, chunk_bytes, transfers;
};

/* The workloads'. */
double now_us(void);
void on_message(int channel, const uint8_t *bytes, size_t length);
void fail(const char *what);

/* The peer's. */
void peer_open(const struct task *task);
/* Sends to all receivers, or to the sender; 0 when it has to be tried again after peer_wait. */
int peer_send(int channel, const void *bytes, size_t length);
void peer_flush(void);
/* Handles what comes; returns after it handled something, or at that time. */
void peer_wait(double until_us);
int peer_connected(void);
void peer_close(void);

#endif
