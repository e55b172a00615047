// The page of a run: its data, that nothing of a run can leave it, and that a browser draws it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { html } from "../../../../lib/simulate/mod.ts";
import { timelineModel } from "../../../../lib/simulate/reports/mod.ts";
import { loadInChromium } from "../../../support/browser.ts";
import { skippable } from "../../../support/requirement.ts";
import { factsOf, HOSTILE, resultOf, scenarioFor, violationOf } from "./fixture.ts";

const scenario = scenarioFor();
const violation = violationOf();
const failed = resultOf(scenario, { verdict: "fail", violations: [violation] });
const model = timelineModel({ result: failed, scenario, facts: factsOf(violation), wallMs: 500 });
const indexOf = (name: string): number => scenario.nodes.findIndex((node) => node.name === name);

Deno.test("a node's life is a row of stretches without gaps", () => {
  for (const life of model.lives) {
    assertEquals(life[0]?.fromUs, 0);
    assertEquals(life.at(-1)?.toUs, model.endUs);
    for (const [i, stretch] of life.entries()) {
      if (i > 0) assertEquals(stretch.fromUs, life[i - 1]?.toUs);
    }
  }
  const states = model.lives[indexOf("viz-1")]?.map(({ state, life }) => [state, life]);
  assertEquals(states, [["starting", 1], ["up", 1], ["crashed", 1], ["starting", 2], ["up", 2]]);
});

Deno.test("beliefs count those who run, by what they list", () => {
  const of = (name: string, atUs: number): readonly number[] | undefined =>
    model.beliefs[indexOf(name)]?.findLast(([from]) => from <= atUs)?.slice(1);
  assertEquals(of("viz-1", 1_000_000), [3, 0, 0, 0, 0]);
  assertEquals(of("viz-1", 6_500_000), [2, 1, 0, 0, 0]);
  assertEquals(of("viz-1", 7_500_000), [2, 0, 1, 0, 0]);
  // The one that crashed believes nothing; after its restart it knows nobody yet.
  assertEquals(of("viz-0", 7_500_000), [2, 0, 0, 0, 0]);
  assertEquals(of("viz-0", 9_000_000), [2, 0, 0, 0, 1]);
  assertEquals(of("viz-2", 13_000_000), [1, 0, 1, 0, 1]);
});

Deno.test("a fault has its nodes and its end, frames their way and fate", () => {
  assertEquals(model.faults, [{
    id: "t0",
    verb: "crash",
    text: "crash viz-1",
    nodes: [indexOf("viz-1")],
    fromUs: 5_000_000,
    toUs: 8_000_000,
    isMoment: false,
  }]);
  assertEquals(model.frames.length, 40);
  assertEquals(model.frames.filter(([, , , , , fate]) => fate === 1).length, 4);
  assertEquals(model.frameTypes, ["heartbeat"]);
  assertEquals([model.warmUs, model.quietUs], [2_000_000, 15_000_000]);
  assertEquals(model.metrics[0]?.name, "discovery.all");
  assertEquals(model.metrics[0]?.isMet, true);
});

Deno.test("nothing from a run ends the page's script, and the page fetches nothing", () => {
  const hostile = {
    ...scenario,
    name: HOSTILE,
    summary: HOSTILE,
    nodes: scenario.nodes.map((node, i) => i === 0 ? { ...node, name: HOSTILE } : node),
  };
  const result = resultOf(hostile, {
    verdict: "fail",
    violations: [violationOf({ text: HOSTILE, nodes: [HOSTILE] })],
  });
  const page = html({ result, scenario: hostile, facts: factsOf(null), repro: HOSTILE });
  const scripts = [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)];
  assertEquals(scripts.length, 2);
  const data = scripts[0]?.[2] ?? "";
  assert(!data.includes("<"), "no tag can begin in the data");
  assertEquals((JSON.parse(data) as { summary: string }).summary, HOSTILE);
  // Besides the namespace of SVG no address stands in it.
  assertEquals([...page.matchAll(/(?:https?:)?\/\/[\w.-]+\.\w+/g)].map(([url]) => url), [
    "http://www.w3.org",
  ]);
  assertMatch(page, /Content-Security-Policy" content="default-src 'none'/);
  assert(!/innerHTML|insertAdjacentHTML|document\.write|\beval\b/.test(page));
});

skippable({
  name: "a browser draws the page without an error, from a file, and hostile names stay text",
  needs: ["command:chromium"],
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "hana-page-" });
    try {
      // Half a character is no text that a browser could hand back.
      const hostileText = HOSTILE.replace("\ud800", "");
      const hostile = {
        ...scenario,
        summary: hostileText,
        nodes: scenario.nodes.map((node, i) =>
          i === 0 ? { ...node, name: hostileText, role: "app" as const } : node
        ),
      };
      const page = html({ result: failed, scenario: hostile, facts: factsOf(violation), repro: hostileText });
      await Deno.writeTextFile(`${folder}/run.html`, page);
      const whole = await loadInChromium(`${folder}/run.html`);
      assertEquals(whole.console, []);
      assertStringIncludes(whole.dom, 'data-drawn="yes"');
      assertMatch(whole.dom, /class="verdict fail">fail</);
      assert((whole.dom.match(/<rect /g)?.length ?? 0) > 20, "bars are drawn");
      assert(!/<img/.test(whole.dom), "a name became markup");
      const near = await loadInChromium(`${folder}/run.html`, "#from=12.2&to=12.3&at=12.25&open=viz-2");
      assertEquals(near.console, []);
      assertStringIncludes(near.dom, "messages here");
      assertStringIncludes(near.dom, "marker-end");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
