// Files that grow and tables that last on this machine: what only a real disk and a real end of a process can show.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { skippable } from "../../support/requirement.ts";
import "../../support/system_calls.ts";

const ROOM_BYTES = 1024 * 1024;

async function inDirectory(run: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "hana-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function codeOf(run: () => unknown): string {
  return assertThrows(run, HanaError).code;
}

async function tool(...argv: [string, ...string[]]): Promise<void> {
  const [program, ...args] = argv;
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped" })
    .output();
  assert(success, `${argv.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A directory on a disk of its own that holds one mebibyte. */
async function onSmallDisk(run: (directory: string) => void): Promise<void> {
  await inDirectory(async (directory) => {
    await tool("mount", "-t", "tmpfs", "-o", `size=${ROOM_BYTES}`, "hana-test", directory);
    try {
      run(directory);
    } finally {
      await tool("umount", directory);
    }
  });
}

/** Says each number after it was committed; both halves of a commit have it. */
const WRITER = `
import { denoPlatform } from "${new URL("../../../lib/platform/deno/mod.ts", import.meta.url)}";
const database = denoPlatform().databases.open(Deno.args[0], ["event"]);
const said = new Uint8Array(8);
for (let i = 0; ; i++) {
  database.commit([
    { table: "event", key: \`\${i}.a\`, value: "x".repeat(i % 5000) },
    { table: "event", key: \`\${i}.b\`, value: "x" },
  ], "relaxed");
  new DataView(said.buffer).setFloat64(0, i);
  Deno.stdout.writeSync(said);
}`;

Deno.test("whatever was committed is there after kill -9, each commit whole, and the database is free", async () => {
  await inDirectory(async (directory) => {
    const path = `${directory}/state.db`;
    const script = `${directory}/writer.ts`;
    await Deno.writeTextFile(script, WRITER);
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--no-check", "--config", config, script, path],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const seen: number[] = [];
    let rest = new Uint8Array(0);
    let isKilled = false;
    for await (const bytes of child.stdout) {
      const all = new Uint8Array(rest.length + bytes.length);
      all.set(rest);
      all.set(bytes, rest.length);
      const whole = all.length - all.length % 8;
      for (let at = 0; at < whole; at += 8) seen.push(new DataView(all.buffer).getFloat64(at));
      rest = all.slice(whole);
      // What was said before it died still comes.
      if (seen.length > 500 && !isKilled) {
        isKilled = true;
        child.kill("SIGKILL");
      }
    }
    assertEquals((await child.status).signal, "SIGKILL");
    const database = denoPlatform().databases.open(path, ["event"]);
    const keys = new Set(database.list("event").map(({ key }) => key));
    database.close();
    for (const i of seen) assert(keys.has(`${i}.a`) && keys.has(`${i}.b`), `commit ${i} of ${seen.length}`);
    assertEquals(keys.size % 2, 0, "no commit is there by half");
    assert(keys.size / 2 - seen.length <= 1, "nothing is there that was not committed");
  });
});

Deno.test("a database of another program is refused and left as it is, and so is a newer form of ours", async () => {
  await inDirectory((directory) => {
    const path = `${directory}/state.db`;
    const { databases } = denoPlatform();
    databases.open(path, ["event"]).close();
    const ours = Deno.readFileSync(path);
    assertEquals(new TextDecoder().decode(ours.subarray(68, 72)), "hana");
    // The application's id and its version stand in the header (sqlite.org/fileformat2).
    for (const at of [71, 63]) {
      const other = ours.slice();
      other[at] = (other[at] ?? 0) + 1;
      Deno.writeFileSync(path, other);
      const error = assertThrows(() => databases.open(path, ["event"]), HanaError);
      assertEquals(error.code, "decode");
      assert(error.hint?.includes(`mv ${path} `));
      assertEquals(Deno.readFileSync(path), other);
    }
    Deno.writeFileSync(path, ours);
    databases.open(path, ["event"]).close();
  });
});

Deno.test("an empty file becomes a database", async () => {
  await inDirectory((directory) => {
    const path = `${directory}/state.db`;
    Deno.writeFileSync(path, new Uint8Array(0));
    const database = denoPlatform().databases.open(path, ["event"]);
    database.commit([{ table: "event", key: "a", value: "1" }], "synced");
    assertEquals(database.get("event", "a"), "1");
    database.close();
  });
});

skippable({
  name: "a full disk takes no half of a record, and the file goes on when there is room",
  needs: ["linux", "root", "command:mount"],
  fn: () =>
    onSmallDisk((directory) => {
      const { files } = denoPlatform();
      const free = files.freeBytes(directory);
      assert(free !== null && free > 0 && free <= ROOM_BYTES, `${free}`);
      files.write(`${directory}/ballast`, new Uint8Array(500_000), 0o600);
      const file = files.openAppend(`${directory}/log`, 0o600);
      const record = new Uint8Array(30_000).fill(7);
      let written = 0;
      const error = assertThrows(() => {
        for (; written < 100; written++) file.append(record);
      }, HanaError);
      assertEquals([error.code, error.what], ["storage", `cannot append to ${directory}/log`]);
      assert(written > 5 && written < 100);
      assertEquals(file.size, written * record.length);
      assertEquals(files.stat(`${directory}/log`)?.size, file.size, "the half record is gone");
      files.remove(`${directory}/ballast`);
      file.append(record);
      file.sync();
      file.close();
      assertEquals(files.read(`${directory}/log`)?.every((byte) => byte === 7), true);
      assertEquals(files.stat(`${directory}/log`)?.size, (written + 1) * record.length);
    }),
});

skippable({
  name: "a commit that a full disk refuses changed nothing, and later ones go through when there is room",
  needs: ["linux", "root", "command:mount"],
  fn: () =>
    onSmallDisk((directory) => {
      const { databases, files } = denoPlatform();
      const database = databases.open(`${directory}/state.db`, ["event"]);
      files.write(`${directory}/ballast`, new Uint8Array(400_000), 0o600);
      const commit = (i: number): void =>
        database.commit(
          ["a", "b"].map((half) => ({ table: "event", key: `${i}.${half}`, value: "x".repeat(20_000) })),
          i % 2 === 0 ? "synced" : "relaxed",
        );
      let written = 0;
      const error = assertThrows(() => {
        for (; written < 1000; written++) commit(written);
      }, HanaError);
      assertEquals(error.code, "storage");
      assert(written > 2 && written < 1000);
      assertEquals(database.list("event").length, 2 * written);
      assertEquals(codeOf(() => commit(written)), "storage");
      assertEquals(database.get("event", `${written}.a`), null);
      files.remove(`${directory}/ballast`);
      commit(written);
      assertEquals(database.list("event").length, 2 * (written + 1));
      database.close();
      const again = databases.open(`${directory}/state.db`, ["event"]);
      assertEquals(again.list("event").length, 2 * (written + 1));
      again.close();
    }),
});
