// The executable as crews get it, keeping programs alive: its shims are the executable too, with nothing else on the machine.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { shareKey, stageOf } from "../e2e/stage.ts";
import { ensureBinary } from "../support/binary.ts";
import { eventually } from "../support/captured_process.ts";
import type { HanaUser } from "../support/hana_process.ts";
import { liveTest } from "../support/live.ts";

interface Listed {
  readonly state: string;
  readonly run: number;
  readonly process: { readonly processId: number } | null;
}

/** The program as `hana ps` tells of it. */
async function look(user: HanaUser): Promise<Listed> {
  const { code, stdout, stderr } = await user.run(["ps", "viz@right", "--json"]);
  assertEquals(code, 0, stderr);
  const [program] = JSON.parse(stdout).programs as Listed[];
  if (program === undefined) throw new Error(stdout);
  return program;
}

/** Whether a process of this number runs. */
function runs(processId: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${processId}/status`));
  } catch {
    return false;
  }
}

liveTest(
  "the executable starts a program on another machine, keeps it through a crash and the loss of its daemon, and explains it",
  async (network) => {
    const before = Deno.env.get("HANA_BINARY");
    Deno.env.set("HANA_BINARY", await ensureBinary());
    try {
      const [left, right] = stageOf(network, "left", "right");
      await shareKey(left, right);
      await left.serve();
      const refusing = await right.serve();
      const command = ["--name", "viz", "--", "sh", "-c", "echo drawing; while :; do sleep 0.1; done"];
      const refused = await left.run(["spawn", "--on", "right", ...command]);
      assertEquals(refused.code, 7, refused.stdout);
      assertMatch(refused.stderr, /--allow-exec/);
      await refusing.stop();

      const daemon = await right.serve("--allow-exec");
      const spawned = await left.run(["spawn", "--on", "right", ...command]);
      assertEquals(spawned.code, 0, spawned.stderr);
      const first = await look(left);
      assertEquals([first.state, first.run], ["running", 1]);
      Deno.kill(first.process?.processId ?? 0, "SIGKILL");
      const second = await eventually("the second run", async () => {
        const now = await look(left);
        return now.run === 2 && now.state === "running" ? now : null;
      });
      const why = await left.run(["why", "viz@right"]);
      assertEquals(why.code, 0, why.stderr);
      assertMatch(why.stdout, /viz on right .*crashed|viz on right was ended/);

      await daemon.crash();
      assert(runs(second.process?.processId ?? 0), "a program does not need its daemon");
      await right.serve("--allow-exec");
      assertEquals((await look(left)).process, second.process, "the same process");

      const stopped = await left.run(["stop", "viz@right"]);
      assertEquals(stopped.code, 0, stopped.stderr);
      assert(!runs(second.process?.processId ?? 0), "nothing is left");
      const removed = await left.run(["rm", "viz@right"]);
      assertEquals(removed.code, 0, removed.stderr);
    } finally {
      if (before === undefined) Deno.env.delete("HANA_BINARY");
      else Deno.env.set("HANA_BINARY", before);
    }
  },
);
