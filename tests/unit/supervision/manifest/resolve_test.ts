// Where programs go, what they become there, and in which order they are changed.

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  type HostPlacement,
  type KnownHost,
  type ManifestProblems,
  resolveManifest,
  rolloutOrder,
} from "../../../../lib/supervision/manifest/mod.ts";
import { readSpec } from "../../../../lib/supervision/mod.ts";
import { HEAD, knownHost, manifestOf } from "./support.ts";

const HOSTS =
  "hosts: { left: { tags: [wall] }, right: { tags: [wall, spare] }, foh: { tags: { room: back } } }\n";

function placesOf(text: string, nodes: readonly KnownHost[] = []): Record<string, string[]> {
  const { hosts, problems } = resolveManifest(manifestOf(text), nodes);
  assertEquals(problems.told, []);
  return Object.fromEntries(hosts.map(({ host, programs }) => [host, programs.map(({ name }) => name)]));
}

function problemsOf(problems: ManifestProblems): string[] {
  return problems.told.map(({ line, column, what, why = "" }) => `${line}:${column} ${what} | ${why}`);
}

Deno.test("names, tags, groups and the star mean hosts of the manifest, whether they answer or not", () => {
  assertEquals(
    placesOf(`${HEAD}${HOSTS}
programs:
  a: { run: [a], on: "*" }
  b: { run: [b], on: "tag:wall" }
  c: { run: [c], on: ["tag:room=back", left] }
  d: { run: [d], on: team }
  e: { run: [e], on: [] }
  f: { run: [f], on: "tag:room" }
groups: { team: { members: [a@right, b@right] } }
`),
    { foh: ["a", "c", "f"], left: ["a", "b", "c"], right: ["a", "b", "d"] },
  );
});

Deno.test("without hosts every node that answers is one, with the tags that it announces", () => {
  const nodes = [
    knownHost("left", { tags: { wall: "north" } }),
    knownHost("right", { tags: { wall: "south" } }),
    knownHost("gone", { isPresent: false, tags: { wall: "north" } }),
  ];
  const text = (on: string) => `${HEAD}programs:\n  a: { run: [a], on: "${on}" }\n`;
  assertEquals(placesOf(text("*"), nodes), { left: ["a"], right: ["a"] });
  assertEquals(placesOf(text("tag:wall=north"), nodes), { left: ["a"], right: [] });
  const { problems } = resolveManifest(manifestOf(text("lefd")), nodes);
  assertEquals(problemsOf(problems), [
    '4:22 a: no node "lefd" supervises programs | did you mean left? there are left, right',
  ]);
});

Deno.test("conditions and the least loaded choose among hosts that answer, and a program stays where it was placed", () => {
  const text = (on: string) => `${HEAD}hosts: [left, right]\nprograms:\n  a: { run: [a], on: "${on}" }\n`;
  const fits = (condition: string) => condition === "gpu.vramMb>=8000";
  const left = knownHost("left", { busyPercent: 80 });
  const right = knownHost("right", { busyPercent: 20, fits });
  assertEquals(placesOf(text("gpu.vramMb>=8000"), [left, right]), { left: [], right: ["a"] });
  assertEquals(placesOf(text("@least-loaded"), [left, right]), { left: [], right: ["a"] });
  const kept = knownHost("left", { busyPercent: 95, programs: new Set(["a"]) });
  assertEquals(placesOf(text("@least-loaded"), [kept, right]), { left: ["a"], right: [] });
  const { problems } = resolveManifest(manifestOf(text("gpu.vramMb>=8000")), [left]);
  assertEquals(problemsOf(problems), ['5:22 a: no host fits "gpu.vramMb>=8000" | there are left, right']);
});

Deno.test("a need of the same host becomes the program's own, one of another host an order", () => {
  const manifest = manifestOf(`${HEAD}${HOSTS}
programs:
  tracker: { run: [t], on: left }
  aurora: { run: [a], on: "tag:wall", needs: { tracker: ready } }
`);
  const { hosts } = resolveManifest(manifest, []);
  const aurora = (host: string) =>
    hosts.find((each) => each.host === host)?.programs.find(({ name }) => name === "aurora");
  assertEquals(aurora("left")?.spec.needs, { tracker: "ready" });
  assertEquals(aurora("left")?.elsewhere, []);
  assertEquals(aurora("right")?.spec.needs, {});
  assertEquals(aurora("right")?.elsewhere, [{ name: "tracker", host: "left", milestone: "ready" }]);
  for (const { programs } of hosts) for (const { spec } of programs) readSpec(spec);
});

function orderOf(text: string): { before: Record<string, string[]>; problems: string[] } {
  const manifest = manifestOf(text);
  const { hosts, problems } = resolveManifest(manifest, []);
  const order = rolloutOrder(manifest, hosts, problems);
  return {
    before: Object.fromEntries([...order].map(([key, set]) => [key, [...set].sort()])),
    problems: problemsOf(problems),
  };
}

const WALL = `${HEAD}${HOSTS}
programs:
  tracker: { run: [t], on: left }
  aurora: { run: [a], on: "tag:wall", needs: { tracker: ready } }
`;

Deno.test("members of a group come one after the other, or wait for the same things and start together", () => {
  assertEquals(orderOf(`${WALL}groups: { wall: { members: [aurora@right, aurora@left] } }\n`), {
    before: {
      "tracker@left": [],
      "aurora@left": ["aurora@right", "tracker@left"],
      "aurora@right": ["tracker@left"],
    },
    problems: [],
  });
  assertEquals(orderOf(`${WALL}groups: { wall: { members: [aurora], start: together } }\n`).before, {
    "tracker@left": [],
    "aurora@left": ["tracker@left"],
    "aurora@right": ["tracker@left"],
  });
  // What is needed comes first, in whatever order the members stand there.
  const own = orderOf(`${WALL}groups: { all: { members: [aurora@right, tracker, aurora@left] } }\n`);
  assertEquals(own.before["tracker@left"], []);
  assertEquals(own.problems, []);
});

Deno.test("a group that cannot start together since something stands between is told of", () => {
  const { problems } = orderOf(`${HEAD}hosts: [h]
programs:
  a: { run: [a], on: h }
  b: { run: [b], on: h, needs: [a] }
  c: { run: [c], on: h, needs: [b] }
groups:
  g: { members: [a, c], start: together }
`);
  assertEquals(problems.length, 1);
  assertMatch(problems[0] ?? "", /^9:3 the group g cannot start together \| .*b@h/);
});

Deno.test("whatever needs and groups there are, the order has no circle and keeps every need", () => {
  const show = fc.record({
    needs: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 12 }),
    groups: fc.array(
      fc.record({ members: fc.uniqueArray(fc.nat(7), { minLength: 1 }), together: fc.boolean() }),
      { maxLength: 3 },
    ),
  });
  fc.assert(
    fc.property(show, ({ needs, groups }) => {
      const taken = new Set<number>();
      const programs = Object.fromEntries(
        Array.from({ length: 8 }, (_, i) => [`p${i}`, {
          run: ["x"],
          on: "*",
          // Only of those before it: no circles.
          needs: [...new Set(needs.filter(([a, b]) => a === i && b < i).map(([, b]) => `p${b}`))],
        }]),
      );
      const named = Object.fromEntries(groups.map(({ members, together }, i) => {
        const own = members.filter((each) => !taken.has(each));
        for (const each of own) taken.add(each);
        return [`g${i}`, {
          members: own.map((each) => `p${each}`),
          start: together ? "together" : "one-by-one",
        }];
      }));
      const manifest = manifestOf(
        JSON.stringify({ hana: 1, show: "x", hosts: ["h", "i"], programs, groups: named }),
      );
      const { hosts, problems } = resolveManifest(manifest, []);
      const order = rolloutOrder(manifest, hosts, problems);
      const done = new Set<string>();
      for (let round = 0; round <= order.size; round++) {
        for (const [key, before] of order) if ([...before].every((each) => done.has(each))) done.add(key);
      }
      assertEquals(done.size, order.size);
      for (const { host, programs: placed } of hosts as HostPlacement[]) {
        for (const { name, spec } of placed) {
          for (const need of Object.keys(spec.needs)) {
            const together = [...manifest.groups.values()].some(({ start, members }) =>
              start === "together" && members.some(({ program }) => program === name) &&
              members.some(({ program }) => program === need)
            );
            // Members that need each other wait on their host.
            assert(together || order.get(`${name}@${host}`)?.has(`${need}@${host}`), `${name} needs ${need}`);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});
