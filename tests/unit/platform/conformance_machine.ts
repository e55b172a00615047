// The part of the conformance suite on time, randomness, the machine and its files.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { encode, pattern, type Sentence } from "./conformance.ts";

/** Registers the sentences. */
export function machineConformance(test: Sentence): void {
  test("timers run in the order of their due times, equal ones in the order of their setting", async (h) => {
    const order: string[] = [];
    const nowUs = h.a.clock.nowUs();
    const set = (label: string, inUs: number) => h.a.timers.schedule(nowUs + inUs, () => order.push(label));
    set("late", 30_000);
    set("early", 5_300);
    set("same 1", 15_000);
    set("same 2", 15_000);
    set("past", -1_000);
    assertEquals(order, []);
    await h.until(() => order.length === 5, "all timers ran");
    assertEquals(order, ["past", "early", "same 1", "same 2", "late"]);
  });

  test("no timer runs before its time", async (h) => {
    const earlyByUs: number[] = [];
    const delays = [0, 1, 400, 999, 1000, 1001, 2500, 7999];
    for (const delay of delays) {
      const atUs = h.a.clock.nowUs() + delay;
      h.a.timers.schedule(atUs, () => earlyByUs.push(Math.max(0, atUs - h.a.clock.nowUs())));
    }
    await h.until(() => earlyByUs.length === delays.length, "all timers ran");
    assertEquals(earlyByUs, delays.map(() => 0));
  });

  test("a cancelled timer does not run, also when another timer cancels it", async (h) => {
    const ran: string[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 2000, () => ran.push("cancelled at once")).cancel();
    const victim = h.a.timers.schedule(nowUs + 3000, () => ran.push("cancelled later"));
    h.a.timers.schedule(nowUs + 3000 - 1, () => victim.cancel());
    const last = h.a.timers.schedule(nowUs + 9000, () => ran.push("last"));
    await h.until(() => ran.length > 0, "the last timer ran");
    last.cancel();
    assertEquals(ran, ["last"]);
  });

  test("a timer that is set while one runs keeps its place", async (h) => {
    const order: number[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      order.push(1);
      h.a.timers.schedule(nowUs + 500, () => order.push(2));
      h.a.timers.schedule(nowUs + 60_000, () => order.push(4));
    });
    h.a.timers.schedule(nowUs + 30_000, () => order.push(3));
    await h.until(() => order.length === 4, "all timers ran");
    assertEquals(order, [1, 2, 3, 4]);
  });

  test("a deferred call runs after the current one and before the next timer", async (h) => {
    const order: string[] = [];
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      h.a.timers.defer(() => {
        order.push("deferred");
        h.a.timers.defer(() => order.push("deferred again"));
      });
      order.push("first");
    });
    h.a.timers.schedule(nowUs + 1000, () => order.push("second"));
    await h.until(() => order.length === 4, "everything ran");
    assertEquals(order, ["first", "deferred", "deferred again", "second"]);
  });

  test("a callback that throws is reported and the next timer runs", async (h) => {
    let ran = false;
    const nowUs = h.a.clock.nowUs();
    h.a.timers.schedule(nowUs + 1000, () => {
      throw new Error("a planted bug");
    });
    h.a.timers.schedule(nowUs + 1000, () => ran = true);
    await h.until(() => ran, "the second timer ran");
    assertEquals(h.crashes.map((error) => error.code), ["internal"]);
    assertEquals(h.crashes[0]?.why, "a planted bug");
  });

  test("the clock is an integer that never goes back", async (h) => {
    let lastUs = h.a.clock.nowUs();
    for (let i = 0; i < 1000; i++) {
      const nowUs = h.a.clock.nowUs();
      assert(Number.isInteger(nowUs) && nowUs >= lastUs);
      lastUs = nowUs;
    }
    const startUs = lastUs;
    let fired = false;
    h.a.timers.schedule(startUs + 5000, () => fired = true);
    await h.until(() => fired, "time passes");
    assert(h.a.clock.nowUs() >= startUs + 5000);
    assert(Number.isInteger(h.a.clock.wallMs()));
  });

  test("random streams fill, stay in range and do not repeat", async (h) => {
    const stream = h.a.random.stream("test");
    const filled = stream.fill(new Uint8Array(70_001));
    assert(new Set(filled).size === 256);
    assert(filled.subarray(65_536).some((byte) => byte !== 0));
    const words = Array.from({ length: 2000 }, () => stream.u32());
    assert(words.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffffffff));
    assert(new Set(words).size > 1990);
    assert(words.some((word) => word > 0x7fffffff));
    const floats = Array.from({ length: 2000 }, () => stream.float());
    assert(floats.every((value) => value >= 0 && value < 1));
    assert(Math.abs(floats.reduce((sum, value) => sum + value, 0) / 2000 - 0.5) < 0.05);
    await h.quiet();
  });

  test("the interface list has loopback with its prefix, twice in the same order", async (h) => {
    const listed = h.a.interfaces.list();
    const loopback = listed.find((entry) => entry.address === "127.0.0.1");
    assertEquals(loopback?.loopback, true);
    assertEquals(loopback?.prefix, 8);
    assertEquals(loopback?.broadcast, null);
    assertEquals(h.a.interfaces.list(), listed);
    for (const entry of listed) {
      assertEquals(entry.family, entry.address.includes(":") ? "ipv6" : "ipv4");
      if (entry.family === "ipv6") assertEquals(entry.broadcast, null);
    }
    await h.quiet();
  });

  test("the host says who it is", async (h) => {
    const host = h.a.host;
    assert(host.hostname.length > 0 && host.processId > 0 && host.logicalCpus > 0);
    assert(host.os === "windows" ? host.userId === null : host.userId !== null);
    await h.quiet();
  });

  test("a file reads back as it was written, replaced as a whole, with its mode", async (h) => {
    const path = `${h.directory}/file`;
    assertEquals(h.a.files.read(path), null);
    h.a.files.write(path, pattern(100_000), 0o600);
    assertEquals(h.a.files.read(path), pattern(100_000));
    assertEquals(h.a.files.stat(path)?.mode, 0o600);
    h.a.files.write(path, encode("short"), 0o644);
    assertEquals(h.a.files.read(path), encode("short"));
    assertEquals(h.a.files.stat(path)?.size, 5);
    assertEquals(h.a.files.stat(path)?.kind, "file");
    assertEquals(h.a.files.list(h.directory), ["file"]);
    await h.quiet();
  });

  test("directories are made with their parents and listed in order", async (h) => {
    const deep = `${h.directory}/one/two`;
    h.a.files.makeDirectory(deep, 0o700);
    h.a.files.makeDirectory(deep, 0o755);
    assertEquals(h.a.files.stat(deep)?.kind, "directory");
    assertEquals(h.a.files.stat(deep)?.mode, 0o700);
    assertEquals(h.a.files.stat(`${h.directory}/one`)?.mode, 0o700);
    for (const name of ["b", "a", "C"]) h.a.files.write(`${deep}/${name}`, encode(name), 0o600);
    assertEquals(h.a.files.list(deep), ["C", "a", "b"]);
    assertEquals(h.a.files.list(`${h.directory}/nowhere`), []);
    assertEquals(h.a.files.stat(`${h.directory}/nowhere`), null);
    assertEquals([h.a.files.remove(`${deep}/a`), h.a.files.remove(`${deep}/a`)], [true, false]);
    await h.quiet();
  });

  test("a write that cannot be done says which file and leaves nothing behind", async (h) => {
    const write = () => h.a.files.write(`${h.directory}/missing/file`, encode("x"), 0o600);
    const error = assertThrows(write, HanaError);
    assertEquals(error.code, "storage");
    assert(error.what.includes(`${h.directory}/missing/file`));
    h.a.files.makeDirectory(`${h.directory}/folder`, 0o700);
    assertEquals(
      assertThrows(() => h.a.files.write(`${h.directory}/folder`, encode("x"), 0o600), HanaError).code,
      "storage",
    );
    assertEquals(h.a.files.list(h.directory), ["folder"]);
    await h.quiet();
  });

  test("a lock is held by one until it is released", async (h) => {
    const path = `${h.directory}/lock`;
    const first = h.a.files.lock(path);
    assert(first !== null);
    assertEquals(h.a2.files.lock(path), null);
    first.release();
    first.release();
    const second = h.a2.files.lock(path);
    assert(second !== null);
    second.release();
    await h.quiet();
  });
}
