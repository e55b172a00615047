/* The workloads for peers in C: one end of one run in a process of its own. Says that it is ready, runs when it reads
 * "go", ends when its input does; the same steps and bounds as drivers/sending.ts and drivers/receiving.ts.
 * Usage: PEER key=value…, the keys of a task (drivers/drive.ts). */
#define _GNU_SOURCE
#include "harness.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PHASE_WARM_UP, PHASE_BEFORE, PHASE_DURING, PHASE_END };
enum { BACK_COUNT = 1, BACK_BYTES = 2 };
enum { MAX_ROWS = 400000, STREAM_COLUMNS = 5, BATCH = 256, BULK_WINDOW_BYTES = 1 << 20, REPORT_BYTES = 32 };
static const double PERIOD_US = 1000, TRIP_LOST_US = 250e3, STALL_US = 100e3, TRANSFER_LIMIT_US = 40e6;

static struct task task;
static double *rows;
static size_t row_count, row_columns, rows_dropped;
static uint8_t *message;
/* What is said when the samples have been written. */
static FILE *answer;

/* Of the sender. */
static uint32_t echoed;
static double counted, counted_bytes, counted_at_us;
/* Of the receiver. */
static int64_t flow_count, highest = -1, bulk_received, bulk_reported;
static double first_us;
static struct mark { int64_t count, highest; double us; } from, to;

double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void add_row(const double *row) {
    if (row_count >= MAX_ROWS) {
        rows_dropped++;
        return;
    }
    memcpy(rows + row_count++ * row_columns, row, row_columns * sizeof *row);
}

static void tell_back(uint8_t kind, double value) {
    uint8_t report[REPORT_BYTES] = { kind };
    double at = now_us();
    memcpy(report + 8, &value, 8);
    memcpy(report + 16, &at, 8);
    while (!peer_send(CHANNEL_BACK, report, sizeof report)) peer_wait(now_us() + 1000);
    peer_flush();
}

static void read_clock(void) {
    if (to.us != 0) return;
    struct mark mark = { flow_count, highest, now_us() };
    if (first_us == 0) first_us = mark.us;
    if (from.us == 0) {
        if (mark.us - first_us >= (double)task.warm_up_us) from = mark;
    } else if (mark.us - first_us >= (double)(task.warm_up_us + task.measure_us)) to = mark;
}

static void receive(int channel, const uint8_t *bytes, size_t length) {
    uint32_t number;
    memcpy(&number, bytes, 4);
    if (channel == CHANNEL_FLOW) {
        flow_count++;
        if ((int64_t)number > highest) highest = number;
        if (flow_count % 32 == 1) read_clock();
        if (flow_count % (task.window >> 2) == 0) tell_back(BACK_COUNT, (double)(highest + 1));
    } else if (channel == CHANNEL_STREAM) {
        double row[STREAM_COLUMNS] = { number, bytes[4], 0, 0, now_us() };
        memcpy(row + 2, bytes + 8, 16);
        if (bytes[4] != PHASE_END) add_row(row);
    } else if (channel == CHANNEL_BULK) {
        bulk_received += (int64_t)length;
        if (bulk_received - bulk_reported < 4 * task.chunk_bytes && bulk_received % task.bulk_bytes != 0) return;
        bulk_reported = bulk_received;
        tell_back(BACK_BYTES, (double)bulk_received);
    } else if (channel == CHANNEL_ECHO) {
        peer_send(CHANNEL_ECHO, bytes, length);
        peer_flush();
    }
}

void on_message(int channel, const uint8_t *bytes, size_t length) {
    if (!task.is_sender) {
        receive(channel, bytes, length);
    } else if (channel == CHANNEL_ECHO) {
        memcpy(&echoed, bytes, 4);
    } else if (channel == CHANNEL_BACK && length == REPORT_BYTES) {
        double value;
        memcpy(&value, bytes + 8, 8);
        if (bytes[0] == BACK_COUNT) {
            if (value > counted) counted = value;
        } else if (value > counted_bytes) {
            counted_bytes = value;
            memcpy(&counted_at_us, bytes + 16, 8);
        }
    }
}

static void echo(void) {
    double start = now_us(), end = start + (double)(task.warm_up_us + task.measure_us);
    uint32_t lost = 0;
    for (uint32_t number = 1;; number++) {
        memcpy(message, &number, 4);
        double sent = now_us();
        if (sent >= end) break;
        peer_send(CHANNEL_ECHO, message, (size_t)task.bytes);
        peer_flush();
        while (echoed != number && now_us() - sent < TRIP_LOST_US) peer_wait(sent + TRIP_LOST_US);
        double trip = now_us() - sent;
        if (echoed != number) lost++;
        else if (sent - start >= (double)task.warm_up_us) add_row(&trip);
    }
    fprintf(answer, "{\"done\":true,\"lost\":%u}\n", lost);
}

static void flow(void) {
    double end = now_us() + (double)(task.warm_up_us + task.measure_us) + 300e3;
    uint32_t sent = 0, stalls = 0;
    int64_t batch = task.window >> 2 < BATCH ? task.window >> 2 : BATCH;
    while (now_us() < end) {
        double until = (double)sent + (double)batch;
        if (until > counted + (double)task.window) until = counted + (double)task.window;
        while ((double)sent < until) {
            memcpy(message, &sent, 4);
            if (!peer_send(CHANNEL_FLOW, message, (size_t)task.bytes)) break;
            sent++;
        }
        peer_flush();
        peer_wait(0);
        double since = now_us();
        while ((double)sent - counted >= (double)task.window && now_us() < end) {
            double before = counted;
            peer_wait(since + STALL_US);
            if (counted > before) break;
            if (now_us() < since + STALL_US) continue;
            stalls++;
            counted = sent;
        }
    }
    fprintf(answer, "{\"done\":true,\"sent\":%u,\"stalls\":%u}\n", sent, stalls);
}

/* The stream's next value, when it is due; its number, or -1. */
static double stream_start_us;
static uint32_t stream_number;

static void stream_tick(int phase) {
    double due = stream_start_us + stream_number * PERIOD_US, sent = now_us();
    memcpy(message, &stream_number, 4);
    message[4] = (uint8_t)phase;
    memcpy(message + 8, &due, 8);
    memcpy(message + 16, &sent, 8);
    peer_send(CHANNEL_STREAM, message, (size_t)task.bytes);
    peer_flush();
    stream_number++;
}

static double next_due(void) { return stream_start_us + stream_number * PERIOD_US; }

static void stream_until(double until, int phase) {
    while (next_due() < until) {
        while (now_us() < next_due()) peer_wait(next_due());
        stream_tick(phase);
    }
}

/* Microseconds of a transfer by the receiver's clock, -1 when it was given up; values go on beside it if `phase`. */
static double transfer(int phase, uint8_t *chunk) {
    double target = counted_bytes + (double)task.bulk_bytes, start = now_us(), sent = counted_bytes;
    double window = task.chunk_bytes > BULK_WINDOW_BYTES ? (double)task.chunk_bytes : BULK_WINDOW_BYTES;
    while (counted_bytes < target) {
        if (now_us() - start > TRANSFER_LIMIT_US) return -1;
        while (phase >= 0 && now_us() >= next_due()) stream_tick(phase);
        double length = target - sent < (double)task.chunk_bytes ? target - sent : (double)task.chunk_bytes;
        if (sent < target && sent - counted_bytes < window && peer_send(CHANNEL_BULK, chunk, (size_t)length)) {
            sent += length;
            peer_flush();
            peer_wait(0);
        } else {
            peer_wait(phase >= 0 && next_due() < now_us() + 1000 ? next_due() : now_us() + 1000);
        }
    }
    return counted_at_us - start;
}

static void tell_transfers(const double *times, int64_t count) {
    fprintf(answer, "{\"done\":true,\"transfersUs\":[");
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) fprintf(answer, ",");
        if (times[i] < 0) fprintf(answer, "null");
        else fprintf(answer, "%.1f", times[i]);
    }
    fprintf(answer, "]}\n");
}

static void streams(void) {
    enum { MAX_TRANSFERS = 1000 };
    static double times[MAX_TRANSFERS];
    int64_t count = 0;
    int is_mixed = strcmp(task.kind, "mixed") == 0;
    uint8_t *chunk = calloc(1, (size_t)task.chunk_bytes);
    if (chunk == NULL) fail("no memory");
    stream_start_us = now_us() + 50e3;
    stream_until(stream_start_us + (double)task.warm_up_us, PHASE_WARM_UP);
    stream_until(stream_start_us + (double)(task.warm_up_us + task.measure_us), PHASE_BEFORE);
    if (is_mixed) {
        double start = now_us();
        do times[count++] = transfer(PHASE_DURING, chunk);
        while (count < MAX_TRANSFERS && times[count - 1] >= 0 && now_us() - start < (double)task.measure_us);
    } else if (strcmp(task.kind, "loss") == 0) {
        for (int64_t i = 0; i < task.transfers && i < MAX_TRANSFERS; i++) {
            for (double until = now_us() + 200e3; now_us() < until;) peer_wait(until);
            times[count++] = transfer(-1, chunk);
            if (times[count - 1] < 0) break;
        }
    }
    tell_transfers(times, count);
    free(chunk);
}

static int has_line(int wait_ms) {
    struct pollfd input = { .fd = 0, .events = POLLIN };
    return poll(&input, 1, wait_ms) != 0;
}

static void await_line(void) {
    char text[64];
    while (!has_line(0)) peer_wait(now_us() + 20e3);
    if (read(0, text, sizeof text) < 0) fail("no input");
}

static void parse(int count, char **arguments) {
    struct { const char *key; int64_t *number; } numbers[] = {
        { "bytes", &task.bytes }, { "warmUpUs", &task.warm_up_us }, { "measureUs", &task.measure_us },
        { "window", &task.window }, { "bulkBytes", &task.bulk_bytes }, { "chunkBytes", &task.chunk_bytes },
        { "transfers", &task.transfers },
    };
    for (int i = 1; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value == NULL) continue;
        *value++ = 0;
        const char *key = arguments[i];
        if (strcmp(key, "role") == 0) task.is_sender = strcmp(value, "sender") == 0;
        else if (strcmp(key, "kind") == 0) task.kind = value;
        else if (strcmp(key, "host") == 0) task.host = value;
        else if (strcmp(key, "ownHost") == 0) task.own_host = value;
        else if (strcmp(key, "samples") == 0) task.samples = value;
        else if (strcmp(key, "port") == 0) task.port = atoi(value);
        else if (strcmp(key, "receivers") == 0) task.receivers = atoi(value);
        else if (strcmp(key, "index") == 0) task.index = atoi(value);
        for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
            if (strcmp(key, numbers[at].key) == 0) *numbers[at].number = atoll(value);
        }
    }
    if (task.kind == NULL || task.host == NULL || task.samples == NULL || task.bytes < 24) fail("not a task");
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    parse(count, arguments);
    row_columns = task.is_sender ? 1 : STREAM_COLUMNS;
    rows = malloc(MAX_ROWS * row_columns * sizeof *rows);
    message = calloc(1, (size_t)task.bytes);
    char *text = NULL;
    size_t length = 0;
    answer = open_memstream(&text, &length);
    if (rows == NULL || message == NULL || answer == NULL) fail("no memory");
    peer_open(&task);
    printf("{\"ready\":true}\n");
    if (task.is_sender) {
        while (peer_connected() < task.receivers) peer_wait(now_us() + 20e3);
        printf("{\"connected\":true}\n");
        await_line();
        if (strcmp(task.kind, "echo") == 0) echo();
        else if (strcmp(task.kind, "flow") == 0) flow();
        else streams();
    } else {
        await_line();
        fprintf(answer, "{\"done\":true,\"messages\":%lld,\"us\":%.1f,\"sent\":%lld,\"rows\":%zu,\"dropped\":%zu}\n",
               (long long)(to.us == 0 ? 0 : to.count - from.count), to.us == 0 ? 0 : to.us - from.us,
               (long long)(to.us == 0 ? 0 : to.highest - from.highest), row_count, rows_dropped);
    }
    FILE *file = fopen(task.samples, "wb");
    if (file == NULL || fwrite(rows, row_columns * sizeof *rows, row_count, file) != row_count || fclose(file) != 0) {
        fail("the samples cannot be written");
    }
    fclose(answer);
    fputs(text, stdout);
    await_line();
    peer_close();
    return 0;
}
