// respawn COMMAND ARGUMENT…: starts it, waits for its end, starts it again; nothing else. What a supervisor is measured by.
// SIGTERM ends it and its child.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void end(int signal) {
  (void)signal;
  if (child > 0) kill(child, SIGKILL);
  _exit(0);
}

int main(int count, char **words) {
  if (count < 2) return 64;
  signal(SIGTERM, end);
  signal(SIGINT, end);
  for (;;) {
    child = fork();
    if (child < 0) return 71;
    if (child == 0) {
      execv(words[1], words + 1);
      _exit(127);
    }
    while (waitpid(child, NULL, 0) < 0) {}
  }
}
