// What docs/simulate.md says is so: its examples are read, and it knows every word of the language.

import { parse } from "@std/yaml";
import { assert, assertEquals } from "@std/assert";
import { CLAIMS, LINK_PRESETS, normaliseScenario, OBSERVERS, VERBS } from "../../../../lib/simulate/mod.ts";

const text = Deno.readTextFileSync(new URL("../../../../docs/simulate.md", import.meta.url));

Deno.test("every example in YAML is a scenario", () => {
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  const scenarios = blocks.filter((block) => /^name:/m.test(block));
  assert(scenarios.length >= 4);
  for (const block of scenarios) {
    const raw = parse(block) as Record<string, unknown>;
    assertEquals(normaliseScenario(raw, { source: String(raw.name) }).length, 1);
  }
});

Deno.test("every verb, preset, invariant and claim is explained, and none that is not there", () => {
  for (const { verb } of VERBS) assert(text.includes(`\`${verb}: `), verb);
  for (const preset of Object.keys(LINK_PRESETS)) assert(text.includes(`| \`${preset}\` `), preset);
  for (const { id, kind } of OBSERVERS) assert(kind === "metrics" || text.includes(`\`${id}\``), id);
  for (const claim of Object.keys(CLAIMS)) assert(text.includes(`\`${claim}\``), claim);
  for (const metric of OBSERVERS.flatMap(({ metrics = [] }) => metrics)) {
    assert(metric === "unmet" || text.includes(`\`${metric}`), metric);
  }
  const rows = [...text.matchAll(/^\| `([a-z-]+): /gm)].map(([, verb = ""]) => verb);
  for (const verb of rows) assert(VERBS.some((row) => row.verb === verb), verb);
});
