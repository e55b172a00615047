// Network namespaces for measurements that send multicast: nothing leaves them, nobody else hears them.
// Decides what stands in one: loopback, and one interface with an address, so that discovery has its usual work.

import { CannotMeasure } from "./result.ts";

const SET_UP = [
  "ip link set lo up",
  // Both ends stay inside: an interface that is up, takes multicast and leads nowhere.
  "ip link add bench0 type veth peer name bench1",
  "ip addr add 10.77.0.1/24 brd + dev bench0",
  "ip link set bench0 up",
  "ip link set bench1 up",
].join(" && ");

/** What to put before a command so that it runs in a namespace of its own. Throws {@linkcode CannotMeasure}. */
export function isolated(options: { readonly loopbackOnly: boolean }): readonly string[] {
  const setUp = options.loopbackOnly ? "ip link set lo up" : SET_UP;
  for (const unshare of [["unshare", "-n"], ["unshare", "-r", "-n"]]) {
    const prefix = [...unshare, "sh", "-c", `${setUp} >/dev/null && exec "$@"`, "sh"];
    const [first = "", ...args] = [...prefix, "true"];
    try {
      if (new Deno.Command(first, { args, stdin: "null", stderr: "null" }).outputSync().success) {
        return prefix;
      }
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  throw new CannotMeasure(
    "it needs a network namespace: `unshare -n` as root (or with user namespaces), and `ip`",
  );
}
