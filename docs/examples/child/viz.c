#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  strncpy(at.sun_path, getenv("HANA_SOCK"), sizeof at.sun_path - 1);
  int shim = socket(AF_UNIX, SOCK_STREAM, 0), n;
  if (connect(shim, (struct sockaddr *)&at, sizeof at) != 0) return 1;
  dprintf(shim, "{\"t\":\"hello\",\"v\":1,\"token\":\"%s\",\"caps\":[\"hb\",\"stop\",\"frame\"]}\n", getenv("HANA_TOKEN"));
  dprintf(shim, "{\"t\":\"ready\"}\n");
  char asked[4096], *ping;
  for (long frame = 1;; frame++) {
    usleep(1000000 / 60); /* draw here */
    if (frame % 60 == 0) dprintf(shim, "{\"t\":\"hb\",\"frame\":%ld}\n", frame);
    if ((n = recv(shim, asked, sizeof asked - 1, MSG_DONTWAIT)) < 0) continue;
    asked[n] = 0;
    if ((ping = strstr(asked, "\"ping\",\"n\":"))) dprintf(shim, "{\"t\":\"pong\",\"n\":%d}\n", atoi(ping + 11));
    if (n == 0 || strstr(asked, "\"stop\"")) return 0;
  }
}
