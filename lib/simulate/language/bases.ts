// What scenarios may extend without looking for a file.

/** Bases by name, as they would be written by hand. */
export const BASES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  base: {
    version: "hana-sim/1",
    name: "base",
    summary: "Eight visualizations on machines of their own, and one app, on a wired network.",
    nodes: { viz: { count: 8 }, app: { count: 1 } },
    network: { default: "lan" },
    warmup: "5s",
    quiet: "20s",
    expect: { invariants: ["default"] },
  },
};
