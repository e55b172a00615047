// The part of the conformance suite on files that grow, parts of files, names and programs.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import { codeOf, encode, pattern, type Sentence } from "./conformance.ts";

function thrownBy(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    return codeOf(thrown);
  }
  return "nothing thrown";
}

/** Registers the sentences. */
export function fileConformance(test: Sentence): void {
  test("a file that grows is made with its mode, knows its size and goes on where it was", async (h) => {
    const path = `${h.directory}/log`;
    const first = h.a.files.openAppend(path, 0o600);
    assertEquals([first.size, h.a.files.stat(path)?.mode, h.a.files.stat(path)?.size], [0, 0o600, 0]);
    const bytes = encode("one\n");
    first.append(bytes);
    bytes.fill(0);
    first.append(encode(""));
    first.append(encode("two\n"));
    first.sync();
    assertEquals(first.size, 8);
    first.close();
    first.close();
    const second = h.a2.files.openAppend(path, 0o644);
    assertEquals(second.size, 8);
    second.append(encode("three\n"));
    second.close();
    assertEquals(h.a.files.read(path), encode("one\ntwo\nthree\n"));
    assertEquals(h.a.files.stat(path)?.mode, 0o600, "a file that is there keeps its mode");
    await h.quiet();
  });

  test("much that is appended piece by piece comes back as it was", async (h) => {
    const path = `${h.directory}/much`;
    const whole = pattern(300_000);
    const file = h.a.files.openAppend(path, 0o600);
    for (let at = 0; at < whole.length; at += 997) file.append(whole.subarray(at, at + 997));
    file.close();
    assertEquals(h.a.files.read(path), whole);
    assertEquals(h.a.files.readAt(path, 123_456, 1000), whole.slice(123_456, 124_456));
    await h.quiet();
  });

  test("a file that is closed, a directory and a missing one cannot be appended to", async (h) => {
    const file = h.a.files.openAppend(`${h.directory}/closed`, 0o600);
    file.close();
    assertEquals(thrownBy(() => file.append(encode("x"))), "storage");
    assertEquals(thrownBy(() => file.sync()), "storage");
    assertEquals(thrownBy(() => h.a.files.openAppend(`${h.directory}/no/file`, 0o600)), "storage");
    assertEquals(thrownBy(() => h.a.files.openAppend(h.directory, 0o600)), "storage");
    assertEquals(h.a.files.list(h.directory), ["closed"]);
    await h.quiet();
  });

  test("a part of a file is read, short at its end and empty behind it", async (h) => {
    const path = `${h.directory}/file`;
    assertEquals(h.a.files.readAt(path, 0, 10), null);
    h.a.files.write(path, encode("0123456789"), 0o600);
    const read = (offset: number, length: number): string =>
      new TextDecoder().decode(h.a.files.readAt(path, offset, length) ?? undefined);
    assertEquals([read(0, 3), read(7, 100), read(10, 5), read(99, 5), read(4, 0)], [
      "012",
      "789",
      "",
      "",
      "",
    ]);
    assertEquals(thrownBy(() => h.a.files.readAt(h.directory, 0, 10)), "storage");
    await h.quiet();
  });

  test("a file gets another name, in place of the file that had it, and grows on under it", async (h) => {
    const [from, to] = [`${h.directory}/from`, `${h.directory}/to`];
    assertEquals(h.a.files.rename(from, to), false);
    h.a.files.write(to, encode("old"), 0o600);
    h.a.files.write(from, encode("new"), 0o644);
    const growing = h.a.files.openAppend(from, 0o644);
    assertEquals(h.a.files.rename(from, to), true);
    assertEquals([h.a.files.read(from), h.a.files.read(to)], [null, encode("new")]);
    growing.append(encode("er"));
    growing.close();
    assertEquals([h.a.files.read(from), h.a.files.read(to)], [null, encode("newer")]);
    assertEquals(h.a.files.stat(to)?.mode, 0o644);
    assertEquals(h.a.files.list(h.directory), ["to"]);
    const error = assertThrows(() => h.a.files.rename(to, `${h.directory}/no/where`), HanaError);
    assertEquals([error.code, error.what.includes(to)], ["storage", true]);
    assertEquals(h.a.files.read(to), encode("newer"));
    await h.quiet();
  });

  test("what can be started is a program of the search path or a file that may be run", async (h) => {
    const { files } = h.a;
    for (const argv of Object.values(h.programs)) assert(files.isExecutable(argv[0]), argv[0]);
    const path = `${h.directory}/tool`;
    assertEquals([files.isExecutable(path), files.isExecutable("hana-no-such-program")], [false, false]);
    files.write(path, encode("#!/bin/sh\n"), 0o600);
    assertEquals(files.isExecutable(path), false);
    files.write(path, encode("#!/bin/sh\n"), 0o700);
    assertEquals(files.isExecutable(path), true);
    assertEquals(files.isExecutable(h.directory), false, "a directory is no program");
    await h.quiet();
  });

  test("the room that is left is told in bytes, or not at all", async (h) => {
    for (const path of [h.directory, `${h.directory}/not/there/yet`]) {
      const free = h.a.files.freeBytes(path);
      assert(free === null || (Number.isInteger(free) && free >= 0), `${free}`);
    }
    await h.quiet();
  });
}
