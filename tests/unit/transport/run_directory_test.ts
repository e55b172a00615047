import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import type { Files, FileStat, Host } from "../../../lib/platform/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { MAX_SOCKET_PATH_BYTES, prepareRunDirectory, socketPath } from "../../../lib/transport/mod.ts";

const ID = "0123456789abcdef0123456789abcdef" as NodeId;

function host(userId: number | null = 1000): Host {
  return { hostname: "h", processId: 1, userId, os: "linux", arch: "x86_64", logicalCpus: 2 };
}

/** Files that show one directory as the test wants it. */
function showing(stat: Partial<FileStat> | null, make: () => void = () => {}): Files {
  const whole: FileStat | null = stat === null
    ? null
    : { kind: "directory", size: 0, mode: 0o700, userId: 1000, ...stat };
  return {
    read: () => null,
    write: () => {},
    remove: () => false,
    makeDirectory: make,
    stat: () => whole,
    list: () => [],
    lock: () => null,
    openAppend: () => ({ size: 0, append: () => {}, sync: () => {}, close: () => {} }),
    readAt: () => null,
    rename: () => false,
    isExecutable: () => false,
    freeBytes: () => null,
  };
}

function refusal(files: Files, userId: number | null = 1000): HanaError {
  return assertThrows(() => prepareRunDirectory(files, host(userId), "/run/x"), HanaError);
}

Deno.test("a directory that is ours alone is fine, and it is made with mode 0700", () => {
  let mode = 0;
  const files = { ...showing({}), makeDirectory: (_path: string, wanted: number) => void (mode = wanted) };
  prepareRunDirectory(files, host(), "/run/x");
  assertEquals(mode, 0o700);
});

Deno.test("a directory that anybody else can reach into is refused, with the command that mends it", () => {
  for (const mode of [0o701, 0o710, 0o704, 0o720, 0o777, 0o755]) {
    const error = refusal(showing({ mode }));
    assertEquals([error.code, error.hint], ["refused", "chmod 700 /run/x"]);
    assertMatch(error.what, new RegExp(mode.toString(8)));
  }
});

Deno.test("a directory of somebody else is refused, even when it is closed to others", () => {
  assertEquals(refusal(showing({ userId: 0 })).code, "refused");
  assertEquals(refusal(showing({ userId: 1001 })).code, "refused");
});

Deno.test("a file, a link or nothing where the directory should be is refused", () => {
  for (const stat of [{ kind: "file" }, { kind: "other" }, { kind: "socket" }, null] as const) {
    assertEquals(refusal(showing(stat)).code, "storage");
  }
});

Deno.test("a directory that cannot be made says why and what to try", () => {
  const error = refusal(showing(null, () => {
    throw new HanaError("storage", { what: "cannot make it", why: "read-only file system" });
  }));
  assertEquals([error.code, error.why], ["storage", "read-only file system"]);
  assertMatch(error.hint ?? "", /--run-dir/);
});

Deno.test("where the system knows no owners and no modes there is nothing to refuse", () => {
  prepareRunDirectory(showing({ mode: null, userId: null }), host(null), "/run/x");
  assertEquals(refusal(showing({ kind: "file", mode: null, userId: null }), null).code, "storage");
});

Deno.test("a socket path has 103 bytes at most, counted as the system counts", () => {
  const room = MAX_SOCKET_PATH_BYTES - "/0123456789ab.sock".length;
  const longest = "/" + "d".repeat(room - 1);
  assertEquals(socketPath(longest, ID), `${longest}/0123456789ab.sock`);
  assertEquals(assertThrows(() => socketPath(`${longest}d`, ID), HanaError).code, "config");
  const umlauts = "/" + "ä".repeat(Math.ceil(room / 2));
  assertEquals(assertThrows(() => socketPath(umlauts, ID), HanaError).code, "config");
});

Deno.test("on this machine: made with its parents, closed to others, refused once opened", async () => {
  const { files, host: own } = denoPlatform();
  const base = await Deno.makeTempDir({ prefix: "hana-" });
  try {
    const path = `${base}/a/run`;
    prepareRunDirectory(files, own, path);
    assertEquals(files.stat(path)?.mode, 0o700);
    prepareRunDirectory(files, own, path);
    await Deno.chmod(path, 0o750);
    assertEquals(assertThrows(() => prepareRunDirectory(files, own, path), HanaError).code, "refused");
    await Deno.symlink(path, `${base}/link`);
    assertEquals(
      assertThrows(() => prepareRunDirectory(files, own, `${base}/link`), HanaError).code,
      "storage",
    );
    await Deno.writeTextFile(`${base}/file`, "");
    assert(
      assertThrows(() => prepareRunDirectory(files, own, `${base}/file/run`), HanaError).code === "storage",
    );
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
