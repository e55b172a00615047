// Tests that need something of the machine: root, network namespaces, a program.
// Decides whether the need is met. A test that cannot run is skipped by its name and with its reason, or fails where
// everything is required (`scripts/test --require-all`, HANA_REQUIRE_ALL=1).
// Never skips in silence: `Deno.test.ignore` without a reason counts as a failure there, too.

/** What a test may need of the machine. `command:X` is a program X on PATH. */
export type Need = "linux" | "root" | "namespaces" | "binary" | `command:${string}`;

/** A test and its needs; the rest is what `Deno.test` takes. */
export interface SkippableTest extends Deno.TestDefinition {
  readonly needs: readonly Need[];
}

/**
 * File to which tests with needs are written, one JSON line each: `{name, file, reason}`, where the reason is null
 * unless the test is skipped. Set by scripts/test.
 */
export const SKIP_LOG_VARIABLE = "HANA_SKIP_LOG";

const reasons = new Map<Need, string | null>();

/** Registers a test that runs where all its needs are met. */
export function skippable({ needs, ...test }: SkippableTest): void {
  const reason = needs.map(reasonMissing).filter((missing) => missing !== null).join("; ");
  const isSkipped = reason !== "" && Deno.env.get("HANA_REQUIRE_ALL") !== "1";
  const log = Deno.env.get(SKIP_LOG_VARIABLE);
  if (log !== undefined) {
    // Deno itself would take this file for the test's.
    const line = JSON.stringify({
      name: test.name,
      file: Deno.mainModule,
      reason: isSkipped ? reason : null,
    });
    Deno.writeTextFileSync(log, line + "\n", { append: true });
  }
  if (reason === "") {
    Deno.test(test);
  } else if (isSkipped) {
    Deno.test({ ...test, ignore: true });
  } else {
    Deno.test({
      ...test,
      fn: () => {
        throw new Error(`cannot run here: ${reason}`);
      },
    });
  }
}

/** Why `need` is not met here; null when it is. Asked once a process. */
export function reasonMissing(need: Need): string | null {
  const before = reasons.get(need);
  if (before !== undefined) return before;
  const reason = probe(need);
  reasons.set(need, reason);
  return reason;
}

function probe(need: Need): string | null {
  switch (need) {
    case "linux":
      return Deno.build.os === "linux" ? null : `needs Linux, this is ${Deno.build.os}`;
    case "root":
      return Deno.uid() === 0 ? null : "needs root";
    case "namespaces":
      if (!runs("ip", "-Version")) return "needs the program ip (package iproute2)";
      return runs("unshare", "--net", "true") ? null : "needs the right to make network namespaces";
    case "binary":
      return Deno.build.target === "x86_64-unknown-linux-gnu"
        ? null
        : `needs Linux on x86-64, this is ${Deno.build.target}`;
    default: {
      const command = need.slice("command:".length);
      return runs("sh", "-c", 'command -v "$1"', "sh", command) ? null : `needs the program ${command}`;
    }
  }
}

function runs(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
