// Registers a test that runs real processes on machines of its own.
// Decides that such a test is skipped by name where it cannot run, that it cannot hang, that everything it made is
// gone afterwards, and that a failure shows what all processes wrote.

import { withDeadline } from "./captured_process.ts";
import { TestNetwork } from "./namespaces.ts";
import { type Need, skippable } from "./requirement.ts";

/** No test takes longer unless it says so; most take a few seconds. */
const TEST_LIMIT_MS = 60_000;

/** A test that is given an empty network. `alsoNeeds` names programs that it runs there; `limitMs` is for one that must take long. */
export function liveTest(
  name: string,
  fn: (network: TestNetwork) => Promise<void>,
  alsoNeeds: readonly Need[] = [],
  limitMs = TEST_LIMIT_MS,
): void {
  skippable({
    name,
    needs: ["linux", "root", "namespaces", ...alsoNeeds],
    fn: async () => {
      await using network = TestNetwork.create();
      try {
        await withDeadline(fn(network), limitMs, () => "the test to end");
      } catch (thrown) {
        throw withTranscript(thrown, network);
      }
    },
  });
}

/** The same error, and below it what every process of the network wrote. */
function withTranscript(thrown: unknown, network: TestNetwork): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const parts = network.machines.flatMap((machine) => machine.processes).flatMap((process) => [
    `\n=== ${process.label}${process.isRunning ? "" : " (ended)"}`,
    tail(process.stdout),
    tail(process.stderr),
  ]);
  if (parts.length > 0) error.message += `\n${parts.filter((part) => part !== "").join("\n")}`;
  return error;
}

function tail(text: string): string {
  return text.trimEnd().slice(-2000);
}
