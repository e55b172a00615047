// The executable plays scenarios: its worker processes are itself, and results are those of the source.

import { assertEquals, assertMatch } from "@std/assert";
import { ensureBinary } from "../support/binary.ts";
import { runHana } from "../support/cli.ts";
import { skippable } from "../support/requirement.ts";

interface Run {
  readonly scenario: string;
  readonly verdict: string;
  readonly digest: string;
  readonly software: string;
  readonly events: number;
}

skippable({
  name: "the executable plays a scenario twice alike, and the same as the source does",
  needs: ["binary"],
  fn: async () => {
    const program = [await ensureBinary()];
    const args = ["simulate", "run", "link-partition", "--seed", "5", "--json"];
    const [compiled, source] = await Promise.all([
      runHana([...args, "--check-determinism"], { program }),
      runHana(args),
    ]);
    assertEquals([compiled.code, source.code], [0, 0], compiled.stderr + source.stderr);
    const [one, other] = [compiled, source].map(({ stdout }) =>
      (JSON.parse(stdout) as { runs: Run[] }).runs[0]
    );
    assertEquals([one?.verdict, one?.events], ["pass", other?.events]);
    // Nodes tell each other their software: that of another commit is another run.
    if (one?.software === other?.software) assertEquals(one?.digest, other?.digest);
  },
});

skippable({
  name: "the executable says that it cannot play a program, and what can",
  needs: ["binary"],
  fn: async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      const { code, stderr } = await runHana(["simulate", "run", file], { program: [await ensureBinary()] });
      assertEquals(code, 2);
      assertMatch(
        stderr,
        /is a program\n {2}a compiled hana cannot import files; it plays YAML and JSON\n {2}try: scripts\/hana/,
      );
    } finally {
      await Deno.remove(file);
    }
  },
});
