// Scenarios that the tests of the language share.

/** A scenario with one of nearly everything, as it would be written by hand. */
export const RICH: Record<string, unknown> = {
  version: "hana-sim/1",
  name: "rich",
  summary: "One of nearly everything.",
  tags: ["test"],
  params: { gap: "500ms", lossy: "2%" },
  duration: "120s",
  warmup: "5s",
  quiet: "20s",
  nodes: {
    viz: { count: 4, start: { at: "100ms", spread: "500ms" }, tags: { stage: "left" } },
    daemon: { count: 2, host_of: "viz" },
    app: { count: 1, seeds: ["viz-0"] },
    guest: { count: 1, role: "visualization", key: "stranger", start: "later" },
    "viz-3": { name: "hero", key: 2 },
  },
  network: {
    default: {
      like: "wifi",
      one_way: { dist: "uniform", min: "1ms", max: "4ms" },
      loss: "$lossy",
      multicast: { loss: "10%" },
      datagrams: { loss: "100%", rate: "1Mbit/s" },
    },
    overrides: [{ nodes: "viz-2", link: "wifi-lossy" }, {
      from: "app-0",
      to: "viz-*",
      link: { corrupt: "1%" },
    }],
  },
  traffic: [
    { from: "app-0", to: "viz-*", rate: "60Hz", size: "96B" },
    {
      id: "asks",
      from: "@role:app",
      to: "@group:viz",
      kind: "request",
      every: "250ms",
      start: "8s",
      end: "90s",
    },
  ],
  timeline: [
    { at: "0s", clock: { nodes: "viz-1", offset: "-1.2s", drift: "80ppm" } },
    { id: "split", at: "10s", partition: [["viz-0..1", "app-0"], "viz-2..3"], for: "5s" },
    { after: "split", wait: "2s", swizzle: { nodes: "viz-*", gap: "$gap", hold: "2s" } },
    { at: "30s", every: "3s", times: 2, upgrade: { nodes: "viz-$i", to: "2.0.0", downtime: "1s" } },
    { at: "40s", flapping: { nodes: "viz-0", down: "300ms", up: "700ms" }, for: "3s" },
    { at: "50s", isolate: "@random(2, viz-*)", for: "3s" },
    { at: "60s", slow: { nodes: "viz-0", extra: "20ms" }, for: "2s" },
    { at: "61s", "group-loss": { nodes: "!app-0", loss: "50%" }, for: "2s" },
    { at: "64s", address: { nodes: "viz-0", address: "10.0.77.1/16" } },
    { at: "66s", storm: { nodes: "viz-*", off: "2s", spread: "1s" } },
    {
      at: "72s",
      link: { nodes: "viz-1", link: { stall: { every: "9s", min: "1s", extra: "500ms" } } },
      for: "2s",
    },
    { at: "80s", start: "guest-0" },
    { at: "90s", mark: "that was it" },
  ],
  expect: {
    invariants: ["default"],
    metrics: { "discovery.all.p99": "<2s", "suspicion.false": 0, "lane.control.lost": [">=0", "<5%"] },
    sometimes: ["suspected", "restarted>=2"],
  },
};
