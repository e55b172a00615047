import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { HanaError, isNodeId } from "../../../lib/base/mod.ts";
import { checkName, claimIdentity, renewId } from "../../../lib/node/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { Park } from "./support.ts";

const STATE = "/var/hana";
const YEAR_MS = 365 * 24 * 3600 * 1000;

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("an id survives restarts, and every life has a higher incarnation than the last", () => {
  const host = new Park().host("stage-left");
  const first = claimIdentity(host.platform, { stateDirectory: STATE });
  assertEquals(first.name, "stage-left");
  assert(isNodeId(first.id));
  let last = first.incarnation;
  for (let life = 0; life < 5; life++) {
    const next = claimIdentity(host.restart(), { stateDirectory: STATE });
    assertEquals([next.id, next.incarnation > last], [first.id, true]);
    last = next.incarnation;
  }
});

Deno.test("an incarnation grows although the clock was set back a year", () => {
  const host = new Park().host("a");
  const before = claimIdentity(host.platform, { stateDirectory: STATE });
  host.clocks.wallOffsetMs = -YEAR_MS;
  const after = claimIdentity(host.restart(), { stateDirectory: STATE });
  assertEquals(after.incarnation, before.incarnation + 1);
});

Deno.test("namesakes on one machine get -2 and -3, keep them, and share nothing", () => {
  const host = new Park().host("wall.local");
  const claims = [1, 2, 3].map(() => claimIdentity(host.createProcess().platform, { stateDirectory: STATE }));
  assertEquals(claims.map((claim) => claim.name), ["wall", "wall-2", "wall-3"]);
  assertEquals(new Set(claims.map((claim) => claim.id)).size, 3);
  claims[1]?.release();
  const again = claimIdentity(host.createProcess().platform, { stateDirectory: STATE });
  assertEquals([again.name, again.id], ["wall-2", claims[1]?.id]);
});

Deno.test("a wanted name is had or refused, with another one to try", () => {
  const host = new Park().host("a");
  const held = claimIdentity(host.platform, { stateDirectory: STATE, name: "Bühne" });
  const error = assertThrows(
    () => claimIdentity(host.createProcess().platform, { stateDirectory: STATE, name: "Bühne" }),
    HanaError,
  );
  assertEquals([error.code, error.hint], ["conflict", "hana serve --name Bühne-2"]);
  held.release();
  assertEquals(claimIdentity(host.platform, { stateDirectory: STATE, name: "Bühne" }).id, held.id);
});

Deno.test("a process that is killed gives its name up", () => {
  const host = new Park().host("a");
  claimIdentity(host.platform, { stateDirectory: STATE, name: "x" });
  assertEquals(claimIdentity(host.restartProcess(), { stateDirectory: STATE, name: "x" }).name, "x");
});

Deno.test("a file that is no identity costs the id, not the node", () => {
  const valid = JSON.stringify({ schema: "hana.identity/1", id: "a".repeat(32), incarnation: 5 });
  const broken = [
    "",
    "null",
    "[]",
    "7",
    valid.slice(0, -1),
    JSON.stringify({ id: "a".repeat(31), incarnation: 5 }),
    JSON.stringify({ id: "a".repeat(32), incarnation: "5" }),
    JSON.stringify({ id: "a".repeat(32), incarnation: 1.5 }),
    JSON.stringify({ id: "a".repeat(32), incarnation: 2 ** 48 - 1 }),
    JSON.stringify({ id: ["a".repeat(32)], incarnation: 5 }),
    "\u0000\ufffd".repeat(1000),
  ];
  for (const text of [valid, ...broken]) {
    const { platform } = new Park().host("a");
    platform.files.makeDirectory(`${STATE}/nodes/a`, 0o700);
    platform.files.write(`${STATE}/nodes/a/identity.json`, utf8(text), 0o600);
    const held = claimIdentity(platform, { stateDirectory: STATE });
    assert(isNodeId(held.id) && held.incarnation < 2 ** 48 && held.incarnation >= platform.clock.wallMs());
    assertEquals(held.id === "a".repeat(32), text === valid, text);
  }
});

Deno.test("a disk that cannot be written says so, and the name stays free", () => {
  const host = new Park().host("a");
  for (const operation of ["write", "make", "lock"]) {
    // The lock file may be made: what fails last must give it back.
    host.disk.refuse = (doing, path) =>
      doing === operation && !path.endsWith("/lock") === (operation !== "lock")
        ? "read-only file system"
        : null;
    const error = assertThrows(
      () => claimIdentity(host.platform, { stateDirectory: STATE, name: `n${operation}` }),
      HanaError,
    );
    assertEquals([error.code, error.why], ["storage", "read-only file system"]);
    host.disk.refuse = null;
    assertEquals(
      claimIdentity(host.platform, { stateDirectory: STATE, name: `n${operation}` }).name,
      `n${operation}`,
    );
  }
});

Deno.test("identity files are for their owner alone", () => {
  const { platform } = new Park().host("a");
  claimIdentity(platform, { stateDirectory: STATE });
  assertEquals(platform.files.stat(`${STATE}/nodes/a/identity.json`)?.mode, 0o600);
  assertEquals(platform.files.stat(`${STATE}/nodes/a`)?.mode, 0o700);
});

Deno.test("a new id keeps the incarnation growing", () => {
  const host = new Park().host("a");
  const held = claimIdentity(host.platform, { stateDirectory: STATE });
  const id = renewId(host.platform, STATE, held.name);
  assertNotEquals(id, held.id);
  host.clocks.wallOffsetMs = -YEAR_MS;
  const next = claimIdentity(host.restart(), { stateDirectory: STATE });
  assertEquals([next.id, next.incarnation], [id, held.incarnation + 1]);
});

Deno.test("names are what people can type, 48 bytes at most", () => {
  for (const name of ["a", "stage-left", "Bühne_2", "舞台", "7.x", "x".repeat(48)]) checkName(name);
  const wrong = ["", "-a", ".a", "..", "a b", "a/b", "a\n", "a\u0000", "🌸", "x".repeat(49), "ä".repeat(25)];
  for (const name of wrong) {
    assertEquals(assertThrows(() => checkName(name), HanaError).code, "config", JSON.stringify(name));
  }
});

Deno.test("a machine of any name gets a name that is one", () => {
  for (const hostname of ["", "...", "-x-", "Büro.local", "x".repeat(200), "a b", "🌸"]) {
    const { platform } = new Park().host("a");
    const named = { ...platform, host: { ...platform.host, hostname } };
    for (let i = 0; i < 3; i++) checkName(claimIdentity(named, { stateDirectory: STATE }).name);
  }
});

Deno.test("on this machine: id kept, lock held, released and taken again", async () => {
  const stateDirectory = await Deno.makeTempDir({ prefix: "hana-" });
  try {
    const platform = denoPlatform();
    const first = claimIdentity(platform, { stateDirectory, name: "x" });
    assertThrows(() => claimIdentity(platform, { stateDirectory, name: "x" }), HanaError);
    first.release();
    const second = claimIdentity(platform, { stateDirectory, name: "x" });
    assertEquals([second.id, second.incarnation > first.incarnation], [first.id, true]);
    second.release();
  } finally {
    await Deno.remove(stateDirectory, { recursive: true });
  }
});
