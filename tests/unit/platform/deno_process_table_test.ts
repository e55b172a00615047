// The process table of this machine: the suite, and what only a real machine can show.

import { assert, assertEquals } from "@std/assert";
import type { HanaError } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { LinuxProcessTable } from "../../../lib/platform/deno/process_table/linux.ts";
import type { ExitStatus, ProcessFacts } from "../../../lib/platform/mod.ts";
import { skippable } from "../../support/requirement.ts";
import "../../support/system_calls.ts";
import { processTableSuite, type TableHarness } from "./process_table_suite.ts";

const DEADLINE_MS = 10_000;
const PR_SET_CHILD_SUBREAPER = 36;
/** Linux gives no number above 2^22. */
const NOBODY = 2 ** 22 + 1;

const platform = denoPlatform();

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

Deno.test("without system calls the same is seen, by way of the runtime", async () => {
  const { processes } = platform;
  const table = new LinuxProcessTable({ waitsFor: () => true }, () => null);
  let ended = false;
  const child = processes.spawn(
    { argv: ["/bin/sh", "-c", "/bin/sleep 60 & wait"], env: { HANA_MARK: "slow" } },
    { onExit: () => ended = true },
  );
  // Between fork and exec it still bears its parent's name and mark.
  const names = (): string[] => table.descendants([child.processId]).map(({ name }) => name);
  await until(() => names().join() === "sleep", "its child is there");
  const direct = platform.processTable;
  assertEquals(table.self, direct.self);
  const plain = (
    { processId, parentId, startedAt, name }: ProcessFacts,
  ) => [processId, parentId, startedAt, name];
  assertEquals(table.marked("HANA_MARK", "slow").map(plain), direct.marked("HANA_MARK", "slow").map(plain));
  assertEquals([table.adoptOrphans(), table.reapOrphans(), table.inspect(NOBODY)], [false, 0, null]);
  const [grandchild] = table.descendants([child.processId]);
  assert(grandchild !== undefined);
  assertEquals(table.signal({ ...grandchild, startedAt: grandchild.startedAt + 1 }, "SIGKILL"), false);
  assert(table.signal(grandchild, "SIGKILL"));
  await until(() => ended, "the shell ended with its child");
  assertEquals(table.signal(grandchild, "SIGKILL"), false);
});

async function leaderEnds(): Promise<void> {
  const script = "import ctypes,threading,time; threading.Thread(target=time.sleep,args=(60,)).start(); " +
    "ctypes.CDLL(None).pthread_exit(None)";
  let ended = false;
  const child = platform.processes.spawn({ argv: ["python3", "-c", script] }, { onExit: () => ended = true });
  const table = platform.processTable;
  await until(
    () => Deno.readTextFileSync(`/proc/${child.processId}/stat`).includes(") Z "),
    "its leader ended",
  );
  const facts = table.inspect(child.processId);
  assert(facts !== null);
  assertEquals(facts.state, "sleeping");
  assert(table.signal(facts, "SIGKILL"));
  await until(() => ended, "it ended");
}

skippable({
  name: "a program lives on when its first thread has ended",
  needs: ["linux", "command:python3"],
  fn: leaderEnds,
});

Deno.test("a storm of forks and sessions is ended to the last one, and nothing is left to reap", async () => {
  const table = platform.processTable;
  assert(table.adoptOrphans());
  let status: ExitStatus | null = null;
  const storm =
    "i=0; while [ $i -lt 60 ]; do (setsid /bin/sh -c '/bin/sleep 60 & /bin/sleep 60' &); i=$((i+1)); done; exec /bin/sleep 60";
  platform.processes.spawn({ argv: ["/bin/sh", "-c", storm], env: { HANA_MARK: "storm" } }, {
    onExit: (ended) => status = ended,
  });
  // It is hunted while it grows.
  await until(() => table.descendants([Deno.pid]).length > 40, "the storm rages");
  let quiet = 0;
  await until(() => {
    const members = [...table.descendants([Deno.pid]), ...table.marked("HANA_MARK", "storm")];
    const living = members.filter(({ state }) => state !== "zombie");
    for (const each of living) table.signal(each, "SIGSTOP");
    for (const each of living) table.signal(each, "SIGKILL");
    table.reapOrphans();
    quiet = members.length === 0 ? quiet + 1 : 0;
    return quiet === 3 && status !== null;
  }, "nobody is left");
  assertEquals(status, { code: 137, signal: "SIGKILL" });
  assertEquals(table.marked("HANA_MARK", "storm"), []);
  adoptNoMore();
});

Deno.test("a scan is not taken in by a process that gives birth and ends while it is looked at", async () => {
  const table = platform.processTable;
  assert(table.adoptOrphans());
  // Each generation starts the next one and ends: whoever looks in between must still find somebody.
  const hop = `n=$1; [ "$n" -gt 0 ] || exit 0; /bin/sh "$0" $((n-1)) & exit 0`;
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, hop);
  let exits = 0;
  platform.processes.spawn({ argv: ["/bin/sh", file, "300"], env: { HANA_MARK: "hop" } }, {
    onExit: () => exits++,
  });
  let missed = 0;
  let looks = 0;
  const generations = new Set<number>();
  await until(() => {
    for (let burst = 0; burst < 20; burst++) {
      const found = table.descendants([Deno.pid]);
      looks++;
      for (const { processId } of found) generations.add(processId);
      // Nobody found, and somebody there all the same: the hop was lost on the way.
      if (found.length === 0 && table.marked("HANA_MARK", "hop").length > 0) missed++;
      table.reapOrphans();
    }
    return exits === 1 && table.descendants([Deno.pid]).length === 0;
  }, "the last generation ended");
  assertEquals([missed, generations.size > 20, looks > 20], [0, true, true]);
  adoptNoMore();
  await Deno.remove(file);
});

Deno.test("a socket that a crash has left over is replaced, anything else in its place stays", async () => {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  const path = `${directory}/notify`;
  Deno.listenDatagram({ transport: "unixpacket", path }).close();
  assertEquals(Deno.lstatSync(path).isSocket, true);
  const heard: string[] = [];
  const listener = await platform.processes.listenNotify(
    path,
    (bytes) => void heard.push(new TextDecoder().decode(bytes)),
  );
  await notify(path, "READY=1");
  await until(() => heard.length === 1, "it is heard");
  const code = (other: string): Promise<string> =>
    platform.processes.listenNotify(other, () => {}).then(() => "heard", ({ code }: HanaError) => code);
  assertEquals(await code(path), "address-in-use");
  assertEquals(await code(`${directory}/none/notify`), "storage");
  assertEquals(await code(`${directory}/${"x".repeat(120)}`), "config");
  await Deno.writeTextFile(`${directory}/file`, "kept");
  assertEquals(await code(`${directory}/file`), "address-in-use");
  assertEquals(await Deno.readTextFile(`${directory}/file`), "kept");
  listener.close();
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["file"]);
  await Deno.remove(directory, { recursive: true });
});
