// chaos-child: a program that does what programs should not. Each argument is one order, carried out in turn.
// Decides nothing by itself. Everything that could hurt the machine has a bound in the order or here.
//
//   stamp FILE                    appends "start PID PPID RUN MICROSECONDS" (wall clock); deaths append "end …"
//   dump FILE                     writes its arguments and its environment to FILE, each with a NUL behind it
//   say TEXT                      writes TEXT as a line
//   run N ORDER                   carries ORDER out in run N alone
//   exit CODE [after TIME]        ends
//   signal NAME [after TIME]      ends itself by a signal
//   ignore TERM                   ignores a signal
//   fork N [setsid] [bare]        N processes by double fork that ignore SIGTERM; sessions and environment of their own
//   bomb N                        processes that start processes, N at most
//   flood RATE [for TIME]         lines of 100 bytes; RATE such as 100MB is bytes a second
//   line SIZE                     one line of SIZE bytes without an end
//   garbage SIZE                  bytes of every value
//   chatter COUNT for TIME        COUNT numbered lines a second
//   close stdout [after TIME]
//   zombie child                  keeps a child that has ended
//   zombie leader                 ends its first thread; another one goes on
//   speak                         speaks the child protocol honestly: hello, ready, heartbeats, polite stop
//   notify                        says READY=1 and WATCHDOG=1 by datagrams
//   hang [after TIME]             goes on without a heartbeat, and hears nothing
//   freeze [after TIME]           beats with a frame counter that stands still
//   lie                           says hello with another token
//   socket SIZE for TIME          floods the child socket with garbage; pieces of SIZE
//   alloc RATE up to SIZE         takes memory and touches it
//   hog TIME                      keeps one CPU busy
//   fill FILE up to SIZE          writes until the disk is full
//   args …                        the rest is not read
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_PROCESSES 600
#define MOST_MEMORY (1LL << 30)
#define MOST_FILE (64LL << 20)
#define MOST_WORDS 8
#define MOST_PLANS 16

extern char **environ;

enum kind { EXIT, SIGNAL, HANG, FREEZE, CLOSE };
struct plan { enum kind kind; int value; int64_t at; int done; };
struct job { long long rate; long long size; int64_t until; };

static struct plan plans[MOST_PLANS];
static int plan_count, speaks, notifies, hangs, frozen, line_socket = -1, stamp_file = -1;
static char **arguments;

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static int64_t now_us(void) { return clock_us(CLOCK_MONOTONIC); }

static void fail(const char *what, const char *order) {
  fprintf(stderr, "chaos-child: %s: %s\n", what, order);
  _exit(64);
}

static int64_t time_of(const char *text) {
  char *unit;
  double value = strtod(text, &unit);
  if (!strcmp(unit, "s")) return (int64_t)(value * 1e6);
  if (!strcmp(unit, "ms")) return (int64_t)(value * 1e3);
  fail("no time", text);
  return 0;
}

static long long size_of(const char *text) {
  char *unit;
  double value = strtod(text, &unit);
  static const struct { const char *name; double factor; } units[] = {
    {"", 1}, {"kB", 1e3}, {"MB", 1e6}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (!strcmp(unit, units[i].name)) return (long long)(value * units[i].factor);
  fail("no size", text);
  return 0;
}

static int signal_of(const char *name) {
  static const struct { const char *name; int number; } names[] = {
    {"TERM", SIGTERM}, {"KILL", SIGKILL}, {"SEGV", SIGSEGV}, {"ABRT", SIGABRT}, {"HUP", SIGHUP},
    {"INT", SIGINT}, {"STOP", SIGSTOP}, {"BUS", SIGBUS}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i].name)) return names[i].number;
  fail("no signal", name);
  return 0;
}

static void stamp(const char *what) {
  if (stamp_file < 0) return;
  char text[128];
  const char *run = getenv("HANA_RUN");
  int length = snprintf(text, sizeof text, "%s %d %d %s %lld\n", what, getpid(), getppid(), run ? run : "-",
                        (long long)clock_us(CLOCK_REALTIME));
  if (write(stamp_file, text, (size_t)length) < 0) { /* the test sees that it is missing */ }
}

static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    bytes += n;
    length -= (size_t)n;
  }
  return 1;
}

static void linger(void) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  for (;;) pause();
}

static void fork_away(int count, int sessions, int bare) {
  if (count > MOST_PROCESSES) fail("too many", "fork");
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child > 0) {
      waitpid(child, NULL, 0);
      continue;
    }
    if (fork() != 0) _exit(0);
    if (sessions) setsid();
    if (bare) {
      char *const words[] = {arguments[0], "ignore TERM", "ignore HUP", NULL};
      char *const nothing[] = {NULL};
      execve("/proc/self/exe", words, nothing);
    }
    linger();
  }
}

static void bomb(int most) {
  if (most > MOST_PROCESSES) fail("too many", "bomb");
  int *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (count == MAP_FAILED) fail("mmap", "bomb");
  if (fork() != 0) return;
  signal(SIGTERM, SIG_IGN);
  for (;;) {
    if (__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) > most) linger();
    if (fork() < 0) linger();
  }
}

static void *flood(void *argument) {
  struct job job = *(struct job *)argument;
  static char block[100 * 640];
  for (size_t i = 0; i < sizeof block; i++) block[i] = i % 100 == 99 ? '\n' : (char)('a' + i % 26);
  int64_t began = now_us();
  for (long long sent = 0; now_us() < job.until;) {
    int64_t due = began + (int64_t)((double)sent / (double)job.rate * 1e6);
    int64_t wait = due - now_us();
    if (wait > 0) usleep((useconds_t)wait);
    if (!write_all(1, block, sizeof block)) break;
    sent += (long long)sizeof block;
  }
  return NULL;
}

static void *chatter(void *argument) {
  struct job job = *(struct job *)argument;
  int64_t began = now_us();
  for (long long n = 1; now_us() < job.until; n++) {
    int64_t wait = began + n * 1000000 / job.rate - now_us();
    if (wait > 0) usleep((useconds_t)wait);
    char text[64];
    int length = snprintf(text, sizeof text, "line %lld\n", n);
    if (!write_all(1, text, (size_t)length)) break;
  }
  return NULL;
}

static void *pour(void *argument) {
  struct job job = *(struct job *)argument;
  static char block[1 << 16];
  unsigned seed = 1;
  for (size_t i = 0; i < sizeof block; i++) block[i] = job.rate ? (char)rand_r(&seed) : 'x';
  for (long long left = job.size; left > 0; left -= (long long)sizeof block)
    if (!write_all(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block)) break;
  stamp("poured");
  return NULL;
}

static void *alloc(void *argument) {
  struct job job = *(struct job *)argument;
  if (job.size > MOST_MEMORY) job.size = MOST_MEMORY;
  const long long piece = 1 << 20;
  for (long long taken = 0; taken < job.size; taken += piece) {
    char *memory = malloc((size_t)piece);
    if (!memory) break;
    memset(memory, 1, (size_t)piece);
    usleep((useconds_t)(piece * 1000000 / job.rate));
  }
  return NULL;
}

static void *hog(void *argument) {
  volatile int64_t until = ((struct job *)argument)->until;
  while (now_us() < until) {}
  return NULL;
}

static int dial(void) {
  const char *path = getenv("HANA_SOCK");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!path || fd < 0) return -1;
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

static void *flood_socket(void *argument) {
  struct job job = *(struct job *)argument;
  char *block = malloc((size_t)job.size);
  unsigned seed = 7;
  signal(SIGPIPE, SIG_IGN);
  for (long long i = 0; i < job.size; i++) block[i] = (char)rand_r(&seed);
  while (now_us() < job.until) {
    int fd = dial();
    if (fd < 0) usleep(1000);
    while (fd >= 0 && now_us() < job.until && write_all(fd, block, (size_t)job.size)) {}
    if (fd >= 0) close(fd);
  }
  stamp("poured");
  return NULL;
}

static void fill(const char *path, long long most) {
  static char block[1 << 16];
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) fail("open", path);
  if (most > MOST_FILE) most = MOST_FILE;
  for (long long n = 0; n < most && write(fd, block, sizeof block) > 0; n += (long long)sizeof block) {}
  while (write(fd, block, 1) == 1 && most-- > 0) {}
}

static void dump(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) fail("open", path);
  for (char **next = arguments; *next; next++) write_all(fd, *next, strlen(*next) + 1);
  write_all(fd, "", 1);
  for (char **next = environ; *next; next++) write_all(fd, *next, strlen(*next) + 1);
  close(fd);
}

static void tell(const char *format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (line_socket >= 0 && !write_all(line_socket, text, (size_t)length)) {
    close(line_socket);
    line_socket = -1;
  }
}

static void notify(const char *text) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (!path || fd < 0) return;
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to);
  close(fd);
}

/** Whoever speaks hears SIGTERM as it hears a stop, whichever comes first; one that hangs hears neither. */
static void on_terminate(int number) {
  (void)number;
  if (hangs) return;
  stamp("end");
  _exit(0);
}

static void greet(const char *token) {
  line_socket = dial();
  tell("{\"t\":\"hello\",\"v\":1,\"token\":\"%s\",\"name\":\"chaos\",\"sdk\":\"c/1\",\"caps\":[\"hb\",\"stop\",\"frame\"]}\n",
       token);
  tell("{\"t\":\"ready\"}\n");
}

static void hear(void) {
  static char text[4096];
  ssize_t n = read(line_socket, text, sizeof text - 1);
  if (n <= 0) {
    close(line_socket);
    line_socket = -1;
    return;
  }
  text[n] = 0;
  if (strstr(text, "\"t\":\"stop\"")) {
    tell("{\"t\":\"bye\",\"reason\":\"asked\"}\n");
    stamp("end");
    _exit(0);
  }
  char *ping = strstr(text, "\"t\":\"ping\""), *number = ping ? strstr(ping, "\"n\":") : NULL;
  if (number) tell("{\"t\":\"pong\",\"n\":%d}\n", atoi(number + 4));
}

static void carry_out(struct plan *plan) {
  plan->done = 1;
  switch (plan->kind) {
    case EXIT:
      stamp("end");
      _exit(plan->value);
    case SIGNAL:
      stamp("end");
      kill(getpid(), plan->value);
      for (;;) pause();
    case HANG:
      hangs = 1;
      break;
    case FREEZE:
      frozen = 1;
      break;
    case CLOSE:
      close(1);
      break;
  }
}

static void *go_on(void *unused) {
  (void)unused;
  int64_t beat = now_us();
  long long frame = 0, beats = 0;
  const char *interval = getenv("HANA_HEARTBEAT_MS");
  int64_t every = (interval ? atoll(interval) : 1000) * 500;
  for (;;) {
    int64_t now = now_us(), next = now + 3600 * 1000000LL;
    for (int i = 0; i < plan_count; i++) {
      if (plans[i].done) continue;
      if (plans[i].at <= now) carry_out(&plans[i]);
      else if (plans[i].at < next) next = plans[i].at;
    }
    if (!hangs && (speaks || notifies)) {
      if (beat <= now) {
        beats++;
        if (!frozen) frame = (now / 16667);
        if (speaks)
          tell("{\"t\":\"hb\",\"n\":%lld,\"frame\":%lld,\"fps\":60,\"late_ms\":%lld}\n", beats, frame,
               (long long)(now - beat) / 1000);
        if (notifies) notify("WATCHDOG=1");
        beat = now + every;
      }
      if (beat < next) next = beat;
    }
    int64_t wait = (next - now_us() + 999) / 1000;
    struct pollfd one = {.fd = hangs ? -1 : line_socket, .events = POLLIN};
    if (poll(&one, 1, wait < 0 ? 0 : (int)wait) > 0) hear();
  }
  return NULL;
}

static void begin(void *(*work)(void *), struct job job) {
  struct job *own = malloc(sizeof job);
  pthread_t thread;
  *own = job;
  pthread_create(&thread, NULL, work, own);
  pthread_detach(thread);
}

static void plan(enum kind kind, int value, const char *after) {
  if (plan_count == MOST_PLANS) fail("too many", "plans");
  plans[plan_count++] = (struct plan){kind, value, now_us() + (after ? time_of(after) : 0), 0};
}

static int leads_away; // the first thread is to end

static int order(const char *whole) {
  char copy[4096], *words[MOST_WORDS] = {0}, *rest = copy;
  const char *behind = strchr(whole, ' ');
  behind = behind ? behind + 1 : "";
  if (strlen(whole) >= sizeof copy) fail("too long", "order");
  strcpy(copy, whole);
  for (int n = 0; n < MOST_WORDS && (words[n] = strsep(&rest, " ")); n++) {}
#define WORD(n) (words[n] ? words[n] : "")
#define IS(text) (!strcmp(WORD(0), text))
#define AFTER(n) (!strcmp(WORD(n), "after") ? words[(n) + 1] : NULL)
  int64_t for_ever = now_us() + 3600 * 1000000LL;
  if (IS("args")) return 0;
  if (IS("run")) {
    const char *run = getenv("HANA_RUN");
    const char *inner = strchr(behind, ' ');
    return !inner || !run || strcmp(run, WORD(1)) ? 1 : order(inner + 1);
  }
  if (IS("stamp")) {
    stamp_file = open(behind, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (stamp_file < 0) fail("cannot be opened", behind);
    stamp("start");
  } else if (IS("dump")) dump(behind);
  else if (IS("say")) {
    write_all(1, behind, strlen(behind));
    write_all(1, "\n", 1);
  } else if (IS("exit")) plan(EXIT, atoi(WORD(1)), AFTER(2));
  else if (IS("signal")) plan(SIGNAL, signal_of(WORD(1)), AFTER(2));
  else if (IS("ignore")) signal(signal_of(WORD(1)), SIG_IGN);
  else if (IS("fork")) {
    fork_away(atoi(WORD(1)), strstr(whole, "setsid") != NULL, strstr(whole, "bare") != NULL);
  } else if (IS("bomb")) bomb(atoi(WORD(1)));
  else if (IS("flood")) {
    begin(flood, (struct job){size_of(WORD(1)), 0, words[3] ? now_us() + time_of(words[3]) : for_ever});
  } else if (IS("chatter")) {
    begin(chatter, (struct job){atoll(WORD(1)), 0, words[3] ? now_us() + time_of(words[3]) : for_ever});
  } else if (IS("line")) begin(pour, (struct job){0, size_of(WORD(1)), 0});
  else if (IS("garbage")) begin(pour, (struct job){1, size_of(WORD(1)), 0});
  else if (IS("close")) plan(CLOSE, 0, AFTER(2));
  else if (IS("zombie") && !strcmp(WORD(1), "child")) {
    if (fork() == 0) _exit(0);
  } else if (IS("zombie")) leads_away = 1;
  else if (IS("speak")) {
    const char *token = getenv("HANA_TOKEN");
    speaks = 1;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_terminate);
    greet(token ? token : "");
  } else if (IS("notify")) {
    notifies = 1;
    notify("READY=1");
  } else if (IS("hang")) plan(HANG, 0, AFTER(1));
  else if (IS("freeze")) plan(FREEZE, 0, AFTER(1));
  else if (IS("lie")) {
    signal(SIGPIPE, SIG_IGN);
    greet("00112233445566778899aabbccddeeff");
  } else if (IS("socket")) {
    begin(flood_socket, (struct job){0, size_of(WORD(1)), now_us() + time_of(WORD(3))});
  } else if (IS("alloc")) begin(alloc, (struct job){size_of(WORD(1)), size_of(WORD(4)), 0});
  else if (IS("hog")) begin(hog, (struct job){0, 0, now_us() + time_of(WORD(1))});
  else if (IS("fill")) fill(WORD(1), size_of(WORD(4)));
  else fail("unknown order", whole);
  return 1;
}

int main(int count, char **words) {
  arguments = words;
  for (int i = 1; i < count && order(words[i]); i++) {}
  if (leads_away) {
    pthread_t thread;
    pthread_create(&thread, NULL, go_on, NULL);
    pthread_exit(NULL);
  }
  go_on(NULL);
}
