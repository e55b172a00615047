// bench_child FILE EVERY_MS [flood=BYTES_PER_SECOND] [for=MS] [hang=MS]: beats by the child protocol, and writes down when.
//   "start MICROSECONDS"        the wall clock at its first instruction
//   "beat LATE WRITE AT"        how late a beat was sent, how long sending took, and when (microseconds)
//   "silent AT"                 the wall clock of the last beat before it hangs
//   "flood BYTES MICROSECONDS"  what was written to standard output, and in how long
// Says ready at once. The flood comes from a thread of its own, as a program's output does.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t rate, limit_us = INT64_MAX / 2, hang_us = INT64_MAX / 2;
static int out;

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note(const char *text, int length) {
  if (write(out, text, (size_t)length) < 0) _exit(74);
}

static void *flood(void *unused) {
  static char block[100 * 640];
  (void)unused;
  for (size_t i = 0; i < sizeof block; i++) block[i] = i % 100 == 99 ? '\n' : (char)('a' + i % 26);
  int64_t began = clock_us(CLOCK_MONOTONIC), sent = 0, now = began;
  while (now - began < limit_us) {
    int64_t wait = began + sent * 1000000 / rate - now;
    if (wait > 0) usleep((useconds_t)wait);
    ssize_t n = write(1, block, sizeof block);
    if (n < 0) break;
    sent += n;
    now = clock_us(CLOCK_MONOTONIC);
  }
  char text[96];
  note(text, snprintf(text, sizeof text, "flood %lld %lld\n", (long long)sent, (long long)(now - began)));
  return NULL;
}

int main(int count, char **words) {
  int64_t started = clock_us(CLOCK_REALTIME);
  if (count < 3) return 64;
  out = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int64_t every = atoll(words[2]) * 1000;
  for (int i = 3; i < count; i++) {
    if (!strncmp(words[i], "flood=", 6)) rate = atoll(words[i] + 6);
    if (!strncmp(words[i], "for=", 4)) limit_us = atoll(words[i] + 4) * 1000;
    if (!strncmp(words[i], "hang=", 5)) hang_us = atoll(words[i] + 5) * 1000;
  }
  char text[256];
  note(text, snprintf(text, sizeof text, "start %lld\n", (long long)started));
  signal(SIGPIPE, SIG_IGN);
  const char *path = getenv("HANA_SOCK"), *token = getenv("HANA_TOKEN");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!path || !token || out < 0 || every <= 0) return 64;
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  if (connect(line, (struct sockaddr *)&to, sizeof to) < 0) return 69;
  int length = snprintf(text, sizeof text,
                        "{\"t\":\"hello\",\"v\":1,\"token\":\"%s\",\"name\":\"bench\",\"caps\":[\"hb\"]}\n{\"t\":\"ready\"}\n",
                        token);
  if (write(line, text, (size_t)length) != length) return 69;
  int64_t began = clock_us(CLOCK_MONOTONIC), due = began;
  if (rate > 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, flood, NULL);
    pthread_detach(thread);
  }
  for (long long n = 1;; n++) {
    int64_t now = clock_us(CLOCK_MONOTONIC);
    length = snprintf(text, sizeof text, "{\"t\":\"hb\",\"n\":%lld}\n", n);
    if (write(line, text, (size_t)length) < 0) return 69;
    int64_t behind = clock_us(CLOCK_MONOTONIC), wall = clock_us(CLOCK_REALTIME);
    note(text, snprintf(text, sizeof text, "beat %lld %lld %lld\n", (long long)(now - due),
                        (long long)(behind - now), (long long)wall));
    if (now - began >= hang_us) {
      note(text, snprintf(text, sizeof text, "silent %lld\n", (long long)wall));
      for (;;) pause();
    }
    due += every;
    int64_t wait = due - clock_us(CLOCK_MONOTONIC);
    if (wait > 0) usleep((useconds_t)wait);
  }
}
