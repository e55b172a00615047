// The part of the conformance suite on child processes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { HanaError } from "../../../lib/base/mod.ts";
import {
  type ExitStatus,
  MAX_INPUT_BYTES,
  type ProcessHandlers,
  type ProcessOutput,
} from "../../../lib/platform/mod.ts";
import type { Sentence } from "./conformance.ts";

/** Writes down what a child tells. */
class Ear implements ProcessHandlers {
  readonly lines: string[] = [];
  readonly bytes: Record<ProcessOutput, number[]> = { stdout: [], stderr: [] };
  status: ExitStatus | null = null;
  exits = 0;
  isClosed = false;

  onBytes(output: ProcessOutput, bytes: Uint8Array): void {
    this.bytes[output].push(...bytes);
  }
  onLine(output: ProcessOutput, line: string): void {
    this.lines.push(`${output} ${line}`);
  }
  onExit(status: ExitStatus): void {
    this.status = status;
    this.exits++;
  }
  onClosed(): void {
    this.isClosed = true;
  }
}

/** Registers the sentences. */
export function processConformance(test: Sentence): void {
  test("a child's lines come with their pipe, a last one without an end too, and then its code", async (h) => {
    const ear = new Ear();
    const child = h.a.processes.spawn({ argv: h.programs.speak, output: "lines" }, ear);
    assert(child.isRunning && child.processId > 0);
    assertEquals([ear.lines, ear.status], [[], null], "no handler runs inside the call");
    await h.until(() => ear.isClosed, "the child is closed");
    assertEquals(ear.lines.filter((line) => line.startsWith("stdout")), ["stdout out 1", "stdout out 2"]);
    assertEquals(ear.lines.filter((line) => line.startsWith("stderr")), ["stderr err"]);
    assertEquals([ear.status, ear.exits, child.isRunning], [{ code: 3, signal: null }, 1, false]);
    assertEquals([child.kill("SIGTERM"), child.write(new Uint8Array(1))], [false, false]);
  });

  test("bytes come as they are, and output that nobody wants is no trouble", async (h) => {
    const [ear, deaf] = [new Ear(), new Ear()];
    h.a.processes.spawn({ argv: h.programs.speak, output: "bytes" }, ear);
    h.a.processes.spawn({ argv: h.programs.speak }, deaf);
    await h.until(() => ear.isClosed && deaf.isClosed, "both are closed");
    assertEquals(new TextDecoder().decode(Uint8Array.from(ear.bytes.stdout)), "out 1\r\nout 2");
    assertEquals([deaf.lines, deaf.bytes.stdout, deaf.status?.code], [[], [], 3]);
  });

  test("what is written to a child it reads, until its input is closed", async (h) => {
    const ear = new Ear();
    const child = h.a.processes.spawn({ argv: h.programs.cat, input: "pipe", output: "bytes" }, ear);
    const bytes = Uint8Array.of(0, 1, 2, 255);
    assert(child.write(bytes));
    bytes.fill(9);
    await h.until(() => ear.bytes.stdout.length === 4, "the first bytes came back");
    assert(child.write(new Uint8Array(3).fill(7)));
    child.closeInput();
    child.closeInput();
    assert(!child.write(new Uint8Array(1)));
    await h.until(() => ear.isClosed, "it ended with its input");
    assertEquals([ear.bytes.stdout, ear.status?.code], [[0, 1, 2, 255, 7, 7, 7], 0]);
    const without = new Ear();
    const other = h.a.processes.spawn({ argv: h.programs.cat, output: "bytes" }, without);
    assert(!other.write(new Uint8Array(1)));
    await h.until(() => without.isClosed, "an input that was not asked for has ended");
  });

  test("more than a child's input holds is refused as a whole", async (h) => {
    const ear = new Ear();
    const child = h.a.processes.spawn({ argv: h.programs.wait, input: "pipe" }, ear);
    assert(child.write(new Uint8Array(MAX_INPUT_BYTES)));
    assert(!child.write(new Uint8Array(MAX_INPUT_BYTES)));
    assert(child.killGroup("SIGKILL"));
    await h.until(() => ear.isClosed, "it is gone");
  });

  test("a signal ends a child, unless it takes the signal; nothing takes SIGKILL", async (h) => {
    const [plain, taking, stubborn] = [new Ear(), new Ear(), new Ear()];
    const first = h.a.processes.spawn({ argv: h.programs.wait }, plain);
    const second = h.a.processes.spawn({ argv: h.programs.trap, output: "lines" }, taking);
    const third = h.a.processes.spawn({ argv: h.programs.trap, output: "lines" }, stubborn);
    await h.until(() => taking.lines.length === 1 && stubborn.lines.length === 1, "both are ready");
    assert(first.kill("SIGTERM") && second.kill("SIGTERM") && third.killGroup("SIGKILL"));
    await h.until(() => plain.isClosed && taking.isClosed && stubborn.isClosed, "all are closed");
    assertEquals(plain.status, { code: 143, signal: "SIGTERM" });
    assertEquals([taking.status, taking.lines], [{ code: 7, signal: null }, [
      "stdout ready",
      "stdout got it",
    ]]);
    assertEquals(stubborn.status, { code: 137, signal: "SIGKILL" });
  });

  test("a child gets its environment and its directory", async (h) => {
    const ear = new Ear();
    const env = { HANA_TEST: "a value" };
    h.a.processes.spawn({ argv: h.programs.where, env, cwd: h.directory, output: "lines" }, ear);
    await h.until(() => ear.isClosed, "it told");
    assertEquals(ear.lines, ["stdout a value", `stdout ${h.directory}`]);
  });

  test("what a child starts inherits its environment and its pipes", async (h) => {
    const ear = new Ear();
    h.a.processes.spawn({ argv: h.programs.below, env: { HANA_TEST: "inherited" }, output: "lines" }, ear);
    await h.until(() => ear.isClosed, "it told");
    assertEquals([ear.lines, ear.status?.code], [["stdout inherited"], 0]);
    const bare = new Ear();
    h.a.processes.spawn(
      { argv: h.programs.below, env: { OTHER: "x" }, clearEnv: true, output: "lines" },
      bare,
    );
    await h.until(() => bare.isClosed, "it told");
    assertEquals(bare.lines, ["stdout "]);
  });

  test("a directory that is not there is not found", async (h) => {
    const lost = () =>
      h.a.processes.spawn({ argv: h.programs.wait, cwd: `${h.directory}/nowhere` }, new Ear());
    assertEquals(assertThrows(lost, HanaError).code, "not-found");
    await h.quiet();
  });

  test("a program that is not there is not found, an argument that cannot be is a mistake", async (h) => {
    const missing = () => h.a.processes.spawn({ argv: ["hana-no-such-program"] }, new Ear());
    assertEquals(assertThrows(missing, HanaError).code, "not-found");
    const wrong = () => h.a.processes.spawn({ argv: [h.programs.wait[0], "a\0b"] }, new Ear());
    assertEquals(assertThrows(wrong, HanaError).code, "config");
    await h.quiet();
  });

  test("a handler of a child that throws is reported, and the rest is told", async (h) => {
    let isClosed = false;
    h.a.processes.spawn({ argv: h.programs.speak }, {
      onExit: () => {
        throw new Error("a planted bug");
      },
      onClosed: () => isClosed = true,
    });
    await h.until(() => isClosed, "it is closed all the same");
    assertEquals(h.crashes.map((error) => error.why), ["a planted bug"]);
  });
}
