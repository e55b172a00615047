// Verbs that make several actions out of one line: swizzle, flapping, storm, random-partition, upgrade.
// Decides their expansion into explicit actions, so that a shrinker can take out one at a time. Their draws come from
// the name of the action and its `draw` number, never from the seed: a scenario's hash says what is played.

import { PhiloxStream } from "../../platform/simulated/mod.ts";
import type { RandomStream } from "../../platform/mod.ts";
import { plainName } from "./nodes.ts";
import { ScenarioProblem } from "./problem.ts";
import { selectNodes, selectorText } from "./selector.ts";
import { optional, plainNumber, quantity, record, required, text } from "./shape.ts";
import { DURATION } from "./units.ts";
import { type Part, type Verb, verb, type VerbContext } from "./verbs.ts";

const lasting = quantity(DURATION, 1);
const drawNumber = optional(
  plainNumber("the number of a draw", { min: 0, max: 1_000_000, integer: true }),
  "Another number gives other draws; for sweeps.",
);

const streamOf = ({ drawName }: VerbContext, draw = 0): RandomStream =>
  new PhiloxStream(draw, `generator/${drawName}`);

/** The names in a random order (Fisher–Yates). */
function shuffled(names: readonly string[], random: RandomStream): string[] {
  const rest = [...names];
  const order: string[] = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random.float() * rest.length), 1));
  return order;
}

const MAX_PARTS = 5_000;

function checkParts(parts: number, path: string): void {
  if (parts > MAX_PARTS) {
    throw new ScenarioProblem(path, `makes ${parts} actions, at most ${MAX_PARTS} are allowed`);
  }
}

/** The verbs that make several actions. */
export const GENERATORS: readonly Verb[] = [
  verb({
    verb: "swizzle",
    summary:
      "Isolates them one by one in a random order, and lets them back in another one (FoundationDB's swizzle).",
    example: "swizzle: {nodes: viz-*, gap: 500ms, hold: 5s}",
    argument: record({
      nodes: required(selectorText, "Who."),
      gap: required(lasting, "Time between two of them, going and coming."),
      hold: required(lasting, "How long all of them are gone."),
      draw: drawNumber,
    }),
    length: "instant",
    hurts: true,
    healed: true,
    expand({ nodes, gap, hold, draw }, context) {
      const random = streamOf(context, draw);
      const names = selectNodes(nodes, context, `${context.path}.nodes`);
      checkParts(names.length, context.path);
      const back = shuffled(names, random);
      const lastGoneUs = (names.length - 1) * gap;
      return shuffled(names, random).map((name, index): Part => {
        const afterUs = index * gap;
        return {
          afterUs,
          forUs: lastGoneUs + hold + back.indexOf(name) * gap - afterUs,
          action: { verb: "isolate", nodes: name },
        };
      });
    },
  }),
  verb({
    verb: "flapping",
    summary: "A cable with a loose contact: down, up, down, up.",
    example: "flapping: {nodes: viz-3, down: 300ms, up: 1700ms}, for: 20s",
    argument: record({
      nodes: required(selectorText, "Whose cable."),
      name: optional(plainName, "Which interface; eth0 unless given."),
      down: required(lasting, "How long it is down."),
      up: required(lasting, "How long it is up."),
    }),
    length: "needs end",
    hurts: true,
    expand({ nodes, name = "eth0", down, up }, { forUs = 0, path }) {
      const times = Math.max(1, Math.floor((forUs + up) / (down + up)));
      checkParts(times, path);
      return Array.from({ length: times }, (_, index): Part => ({
        afterUs: index * (down + up),
        forUs: down,
        action: { verb: "interface", nodes, name, change: "down" },
      }));
    },
  }),
  verb({
    verb: "storm",
    summary: "Power fails for all of them at once, and they come back spread over a time.",
    example: "storm: {nodes: viz-*, off: 3s, spread: 500ms}",
    argument: record({
      nodes: required(selectorText, "Who."),
      off: required(lasting, "How long the power is gone."),
      spread: required(quantity(DURATION), "Over which time they come back, drawn evenly."),
      draw: drawNumber,
    }),
    length: "instant",
    hurts: true,
    expand({ nodes, off, spread, draw }, context) {
      const random = streamOf(context, draw);
      const names = selectNodes(nodes, context, `${context.path}.nodes`);
      checkParts(names.length, context.path);
      return names.map((name): Part => ({
        afterUs: 0,
        forUs: off + Math.floor(random.float() * spread),
        action: { verb: "power-loss", nodes: name },
      }));
    },
  }),
  verb({
    verb: "random-partition",
    summary: "Splits them into parts of random members.",
    example: 'random-partition: {nodes: "@all", parts: 2}, for: 10s',
    argument: record({
      nodes: required(selectorText, "Who."),
      parts: optional(
        plainNumber("a count", { min: 2, max: 16, integer: true }),
        "Into how many; two unless given.",
      ),
      draw: drawNumber,
    }),
    length: "must end",
    hurts: true,
    healed: true,
    expand({ nodes, parts = 2, draw }, context) {
      const random = streamOf(context, draw);
      const order = shuffled(selectNodes(nodes, context, `${context.path}.nodes`), random);
      if (order.length < parts) {
        throw new ScenarioProblem(
          `${context.path}.parts`,
          `${order.length} nodes do not make ${parts} parts`,
        );
      }
      // One for each part, then each further node into any: no part is empty, sizes are anything.
      const groups = order.slice(0, parts).map((name) => [name]);
      for (const name of order.slice(parts)) groups[Math.floor(random.float() * parts)]?.push(name);
      return [{ afterUs: 0, action: { verb: "partition", groups: groups.map((group) => group.join(",")) } }];
    },
  }),
  verb({
    verb: "upgrade",
    summary: "They say goodbye, and come back with another version.",
    example: "upgrade: {nodes: viz-0, to: 0.2.0, downtime: 1500ms}",
    argument: record({
      nodes: required(selectorText, "Who."),
      to: required(text("a version", "^.{1,48}$"), "The version that they come back with."),
      downtime: required(lasting, "How long they are gone."),
    }),
    length: "instant",
    hurts: true,
    expand: ({ nodes, to, downtime }) => [
      { afterUs: 0, forUs: downtime, action: { verb: "restart", nodes, software: to } },
    ],
  }),
];
