import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { histogramText } from "../../../../cli/bench/histogram_text.ts";
import { benchPage } from "../../../../cli/bench/html.ts";
import { LatencyHistogram } from "../../../../cli/bench/latency.ts";
import { type BenchResult, resultJson } from "../../../../cli/bench/result.ts";
import { loadInChromium } from "../../../support/browser.ts";
import { skippable } from "../../../support/requirement.ts";

function results(): BenchResult[] {
  const histogram = new LatencyHistogram();
  const baselineHistogram = new LatencyHistogram();
  for (let i = 0; i < 10_000; i++) {
    histogram.record(60 + (i % 100) + (i % 1_000 === 0 ? 5_000 : 0));
    baselineHistogram.record(40 + (i % 50));
  }
  return [{
    name: "rtt udp unreliable-unordered 64 B",
    workload: "rtt",
    n: histogram.count,
    sizeBytes: 64,
    rttUs: histogram.figures(),
    baseline: { name: "raw UDP", rttUs: baselineHistogram.figures() },
    ratio: { p50: 1.7 },
    how: "two <processes> & a test",
    histogram,
    baselineHistogram,
  }, {
    name: "lane unix reliable-ordered 64 B",
    workload: "lane",
    n: 1_000_000,
    sizeBytes: 64,
    msgsPerS: 2_500_000,
    baseline: { name: "raw Unix, 1 a write", msgsPerS: 300_000 },
    ratio: { msgsPerS: 8.33 },
    how: "as fast as it goes",
  }];
}

Deno.test("a histogram in text has a bar for hana and one for the bare sockets in each range", () => {
  const text = histogramText(results());
  assertStringIncludes(text, "rtt udp unreliable-unordered 64 B   # hana   . raw UDP");
  const shares = [...text.matchAll(/(#+|\.+) +([\d.]+) %/g)];
  const sum = (mark: string): number =>
    shares.filter(([, bar]) => bar?.startsWith(mark)).reduce(
      (total, [, , share]) => total + Number(share),
      0,
    );
  assert(Math.abs(sum("#") - 100) < 1 && Math.abs(sum(".") - 100) < 1, text);
  assert(text.split("\n").every((line) => line.length <= 80 && line === line.trimEnd()));
  assert(!text.includes("lane unix"), "a rate has no histogram");
});

Deno.test("a result as JSON has its figures, its ranges and nothing that cannot be read", () => {
  const [first] = results();
  const json = JSON.parse(JSON.stringify(first === undefined ? {} : resultJson(first)));
  assertEquals([json.name, json.n, json.baseline.name, json.ratio.p50], [
    "rtt udp unreliable-unordered 64 B",
    10_000,
    "raw UDP",
    1.7,
  ]);
  const count = json.histogram.reduce((sum: number, range: { count: number }) => sum + range.count, 0);
  assertEquals(count, 10_000);
});

skippable({
  name: "a browser shows the page of results: drawings, the table, no script, nothing fetched, no complaint",
  needs: ["command:chromium"],
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".html" });
    try {
      const page = benchPage({ title: "hana bench rtt", machine: { cpu: "a <cpu>" } }, results());
      assert(!page.includes("<script") && !/(?:src|href)=/.test(page) && !page.includes("<cpu>"));
      await Deno.writeTextFile(path, page);
      const { dom, console } = await loadInChromium(path);
      assertEquals(console, []);
      assertEquals(dom.match(/<polyline class="(hana|raw)"/g)?.length, 2);
      assertEquals(dom.match(/<rect class="bar-(hana|raw)"/g)?.length, 2);
      assertStringIncludes(dom, "two &lt;processes&gt; &amp; a test");
      const points = /<polyline class="hana" points="([^"]+)"/.exec(dom)?.[1]?.split(" ") ?? [];
      const xs = points.map((point) => Number(point.split(",")[0]));
      assert(points.length > 20 && xs.every((x, i) => i === 0 || x >= (xs[i - 1] ?? 0)));
      assert(!points.some((point) => point.includes("NaN")));
    } finally {
      await Deno.remove(path);
    }
  },
});
