// What only real children can show: groups, grandchildren that hold pipes, long lines.

import { assert, assertEquals } from "@std/assert";
import type { ChildProcess, ExitStatus } from "../../../lib/platform/mod.ts";
import { MAX_LINE_BYTES } from "../../../lib/platform/mod.ts";
import { type Harness, realHarness } from "./harness.ts";

interface Told {
  readonly child: ChildProcess;
  readonly lines: string[];
  status: ExitStatus | null;
  isClosed: boolean;
}

function spawn(h: Harness, script: string): Told {
  const lines: string[] = [];
  const child = h.a.processes.spawn({ argv: ["/bin/sh", "-c", script], output: "lines" }, {
    onLine: (_output, line) => void lines.push(line),
    onExit: (status) => told.status = status,
    onClosed: () => told.isClosed = true,
  });
  const told: Told = { child, lines, status: null, isClosed: false };
  return told;
}

const isThere = (processId: number): boolean => {
  try {
    // A process that nobody has waited for yet is a zombie, and not there either.
    return !Deno.readTextFileSync(`/proc/${processId}/stat`).includes(") Z ");
  } catch {
    return false;
  }
};

Deno.test("the end of a child is told although a grandchild holds its pipes, and the group can be ended then", async () => {
  const h = await realHarness();
  const told = spawn(h, "/bin/sleep 30 & echo $!; exit 4");
  await h.until(() => told.status !== null, "the child ended");
  assertEquals([told.status, told.isClosed], [{ code: 4, signal: null }, false]);
  const grandchild = Number(told.lines[0]);
  assert(isThere(grandchild));
  assertEquals(told.child.kill("SIGTERM"), false);
  assertEquals(told.child.killGroup("SIGKILL"), true);
  await h.until(() => told.isClosed, "the pipes are free");
  await h.until(() => !isThere(grandchild), "the grandchild is gone");
  await h.close();
});

Deno.test("an overlong line comes in pieces, broken text is replaced, an empty line is a line", async () => {
  const h = await realHarness();
  const length = MAX_LINE_BYTES + 10;
  const told = spawn(h, `head -c ${length} /dev/zero | tr '\\0' x; echo; echo; printf 'a\\377b\\n'`);
  await h.until(() => told.isClosed, "it is through");
  assertEquals(told.lines.map((line) => line.length), [MAX_LINE_BYTES, 10, 0, 3]);
  assertEquals(told.lines[3], "a\ufffdb");
  await h.close();
});
