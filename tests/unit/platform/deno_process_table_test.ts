// The process table of this machine: the suite, and what only a real machine can show.

import { assertEquals } from "@std/assert";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import "../../support/system_calls.ts";
import { processTableSuite, type TableHarness } from "./process_table_suite.ts";

const DEADLINE_MS = 10_000;
const PR_SET_CHILD_SUBREAPER = 36;

const PROGRAMS: TableHarness["programs"] = {
  wait: ["/bin/sleep", "60"],
  tree: ["/bin/sh", "-c", "(setsid /bin/sleep 60 &); /bin/sleep 60 & exec /bin/sleep 60"],
  quick: ["/bin/sh", "-c", "exit 3"],
  leave: ["/bin/sh", "-c", "/bin/sleep 60 & exit 4"],
};

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Sends a datagram from a socket of its own. */
async function notify(path: string, text: string): Promise<void> {
  const from = `${path}.from`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: from });
  await socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path });
  socket.close();
  await Deno.remove(from);
}

/** Other tests of this process want their orphans to go where orphans go. */
function adoptNoMore(): void {
  const libc = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  });
  assertEquals(libc.symbols.prctl(PR_SET_CHILD_SUBREAPER, 0n, 0n, 0n, 0n), 0);
  libc.close();
}

async function realHarness(): Promise<TableHarness> {
  const platform = denoPlatform();
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  return {
    platform,
    programs: PROGRAMS,
    directory,
    notify,
    until,
    settle: (promise) => promise,
    async close() {
      await until(() => {
        platform.processTable.reapOrphans();
        return platform.processTable.descendants([Deno.pid]).length === 0;
      }, "nothing is left");
      if (Deno.build.os === "linux") adoptNoMore();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

processTableSuite((sentence, body) =>
  Deno.test(`on this machine, ${sentence}`, async () => {
    const harness = await realHarness();
    try {
      await body(harness);
    } finally {
      await harness.close();
    }
  })
);
