// What the daemon keeps on its disk is damaged, taken away or cannot be written; and shims of an older hana. Programs
// that run go on running, whatever the next daemon finds.

import { assertEquals } from "@std/assert";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import type { ProgramSnapshot } from "../../../lib/supervision/mod.ts";
import { eventually } from "../../support/captured_process.ts";
import { type Host, hostTest } from "../../support/programs/host.ts";
import { newOp } from "../../support/programs/console.ts";
import { START_PROGRAM } from "../../../lib/supervision/mod.ts";

/** What becomes of the files of the database while no daemon lives. */
const DAMAGES: readonly { readonly what: string; readonly damage: (directory: string) => void }[] = [
  {
    what: "overwritten with rubbish",
    damage: (directory) => {
      const rubbish = crypto.getRandomValues(new Uint8Array(20_000));
      Deno.writeFileSync(`${directory}/programs.db`, rubbish);
    },
  },
  {
    what: "damaged in its middle",
    damage: (directory) => {
      const path = `${directory}/programs.db`;
      const bytes = Deno.readFileSync(path);
      bytes.fill(0xa5, Math.floor(bytes.length / 3));
      Deno.writeFileSync(path, bytes);
      for (const each of ["-wal", "-shm"]) remove(path + each);
    },
  },
  {
    what: "cut short",
    damage: (directory) => Deno.truncateSync(`${directory}/programs.db`, 700),
  },
  {
    what: "removed",
    damage: (directory) => {
      for (const each of ["", "-wal", "-shm"]) remove(`${directory}/programs.db${each}`);
    },
  },
];

for (const { what, damage } of DAMAGES) {
  hostTest(
    `a database that was ${what} disturbs no program, and the next daemon knows them all`,
    async (host, first) => {
      await first.spawn("wall", host.chaos("wall", "speak"));
      await first.spawn("rests", host.chaos("rests"));
      await first.untilState("rests", "running");
      await first.stop("rests");
      await first.untilState("rests", "idle");
      await first.untilState("wall", "running");
      const before = first.program("wall");
      await host.crash();
      damage(host.nodeDirectory);
      await host.serve();
      await using desk = await host.console();
      await desk.until("it to be adopted", () => desk.program("wall").supervised);
      assertEquals(desk.program("wall").process, before.process);
      assertEquals(desk.program("wall").generation, before.generation);
      // What was wanted of the one that rests stands beside it as well.
      assertEquals([desk.program("rests").want, desk.program("rests").state], ["down", "idle"]);
      await desk.start("rests");
      await desk.untilState("rests", "running");
      await desk.stop("wall");
      await desk.untilState("wall", "idle");
      assertEquals(host.stamps("wall").filter(({ what }) => what === "start").length, 1);
    },
  );
}

hostTest(
  "a database that can only be read keeps nobody from supervising, and answers say so",
  async (host, first) => {
    await first.spawn("wall", host.chaos("wall", "speak"));
    await first.untilState("wall", "running");
    const before = first.processId("wall");
    await host.crash();
    const mount = 'for each in "$0" "$0-wal" "$0-shm"; do touch "$each"; mount --bind "$each" "$each"; ' +
      'mount -o remount,bind,ro "$each"; done; exec "$@"';
    await host.serveUnder(["unshare", "--mount", "sh", "-c", mount, `${host.nodeDirectory}/programs.db`]);
    await using desk = await host.console();
    await desk.until("it to be adopted", () => desk.program("wall").supervised);
    assertEquals(desk.processId("wall"), before);
    const stopped = await desk.stop("wall");
    assertEquals(stopped.durable, false);
    await desk.untilState("wall", "idle");
    const started = await desk.session.request(START_PROGRAM, { op: newOp(), name: "wall" });
    assertEquals(started.durable, false);
    await desk.untilState("wall", "running");
  },
);

hostTest("a shim of an earlier hana with words that nobody knows is served as it is", async (host, first) => {
  await first.spawn("wall", host.chaos("wall", "speak"));
  await first.untilState("wall", "running");
  const snapshot = first.program("wall");
  const assignment = host.assignment("wall");
  const shim = host.shimOf(first, "wall");
  host.node.process.kill("SIGKILL");
  for (const processId of [shim, snapshot.process?.processId ?? 0]) Deno.kill(processId, "SIGKILL");
  await host.node.process.ended();
  await using old = await OldShim.start(assignment, snapshot);
  await host.serve();
  await using desk = await host.console();
  await desk.until(
    "it to be adopted",
    () => desk.program("wall").supervised && desk.program("wall").run === 7,
  );
  assertEquals(desk.program("wall").state, "running");
  await desk.untilEvent("wall", "status");
  assertEquals((await desk.restart("wall")).changed, true);
  await desk.until("its next run", () => desk.program("wall").run === 8);
  assertEquals(old.asked, ["hello", "restart"]);
  assertEquals(host.shims().length, 1, "a spare alone: nobody else stands by it");
});

/** Loads what it needs of the system once, for all tests. */
const platform = denoPlatform();
// The table of processes loads a library when it is first asked.
platform.processTable.inspect(Deno.pid);

/** A shim as version 1 was, with fields and messages that this daemon has never heard of. */
class OldShim implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #listener: Deno.UnixListener;
  readonly #lock: { release(): void };
  #snapshot: Record<string, unknown>;

  /** Stands in as soon as the shim before has let go of its lock: its end takes a moment. */
  static async start(assignment: Assigned, snapshot: ProgramSnapshot): Promise<OldShim> {
    const lock = await eventually(
      "the lock of the shim before",
      () => platform.files.lock(`${assignment.directory}/lock`),
    );
    return new OldShim(assignment, snapshot, lock);
  }

  private constructor(readonly assignment: Assigned, snapshot: ProgramSnapshot, lock: { release(): void }) {
    this.#lock = lock;
    remove(assignment.controlSocket);
    this.#listener = Deno.listen({ transport: "unix", path: assignment.controlSocket });
    this.#snapshot = { ...snapshot, run: 7, mood: "calm" };
    void this.#serve(platform.processTable.self, platform.processTable.bootId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#lock.release();
    await Promise.resolve();
  }

  async #serve(self: unknown, bootId: string): Promise<void> {
    try {
      for await (const connection of this.#listener) void this.#talk(connection, self, bootId);
    } catch {
      // Closed.
    }
  }

  async #talk(connection: Deno.Conn, self: unknown, bootId: string): Promise<void> {
    const say = async (value: unknown): Promise<void> => {
      await connection.write(new TextEncoder().encode(JSON.stringify(value) + "\n"));
    };
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const bytes of connection.readable) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const message = JSON.parse(line) as { t: string; op?: number };
          if (message.t !== "follow") this.asked.push(message.t);
          if (message.t === "hello") {
            const { token } = this.assignment;
            const seq = Number(this.#snapshot.eventSeq) + 1;
            this.#snapshot = { ...this.#snapshot, eventSeq: seq };
            const event = {
              seq,
              program: "wall",
              run: 7,
              atWallMs: Date.now(),
              atUs: 1,
              kind: "status",
              by: null,
            };
            const events = [{ ...event, detail: { text: "old" }, colour: "blue" }];
            await say({
              t: "welcome",
              v: 1,
              shim: self,
              bootId,
              token,
              snapshot: this.#snapshot,
              events,
              age: 9,
            });
            await say({ t: "weather", sky: "clear" });
          } else if (message.op !== undefined) {
            await say({ t: "ok", op: message.op, done: true, thanks: true });
            if (message.t !== "restart") continue;
            this.#snapshot = { ...this.#snapshot, run: 8 };
            await say({ t: "state", snapshot: this.#snapshot });
          }
        }
      }
    } catch {
      // The daemon went.
    }
  }
}

type Assigned = ReturnType<Host["assignment"]>;

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
