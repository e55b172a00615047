// From the normal form back to what people write, so that a shrunk scenario is a file that they can read and edit.
// Decides the words; reading it again gives the same scenario, hash and all.

import type { Action, ClockChange, Scenario, TimedAction } from "../scenario.ts";
import { writeExpectations } from "./expect.ts";
import { writeLink } from "./links.ts";
import { writeNetwork, writeTraffic } from "./network.ts";
import { writeNode } from "./nodes.ts";
import { writeProgram } from "./programs.ts";
import { writeRules, writeState } from "./state.ts";
import { CLOCK_DIFFERENCE, DRIFT, DURATION, SHARE, writeQuantity } from "./units.ts";

const us = (value: number): string => writeQuantity(DURATION, value);

/** The scenario as it would be written by hand: plain data, ready for YAML. */
export function denormalise(scenario: Scenario): Record<string, unknown> {
  return {
    version: scenario.version,
    name: scenario.name,
    ...(scenario.summary === "" ? {} : { summary: scenario.summary }),
    ...(scenario.tags.length === 0 ? {} : { tags: [...scenario.tags] }),
    duration: us(scenario.durationUs),
    warmup: us(scenario.warmupUs),
    quiet: us(scenario.quietUs),
    nodes: Object.fromEntries(scenario.nodes.map((node) => [node.name, writeNode(node)])),
    network: writeNetwork(scenario.network),
    ...(scenario.traffic.length === 0 ? {} : { traffic: scenario.traffic.map(writeTraffic) }),
    ...(scenario.programs === undefined
      ? {}
      : { programs: Object.fromEntries(scenario.programs.map((each) => [each.name, writeProgram(each)])) }),
    ...(scenario.state === undefined ? {} : { state: writeState(scenario.state) }),
    ...(scenario.timeline.length === 0 ? {} : { timeline: scenario.timeline.map(writeTimed) }),
    expect: writeExpectations(scenario.expect),
  };
}

function writeTimed({ id, atUs, forUs, action }: TimedAction): Record<string, unknown> {
  return {
    id,
    at: us(atUs),
    [action.verb]: writeArgument(action),
    ...(forUs === undefined ? {} : { for: us(forUs) }),
  };
}

function writeArgument(action: Action): unknown {
  switch (action.verb) {
    case "partition":
      return action.groups.map((group) => [group]);
    case "heal":
      return "all";
    case "mark":
      return action.text;
    case "cut":
    case "clog":
      return { from: action.from, to: action.to };
    case "link":
      return { from: action.from, to: action.to, link: writeLink(action.link) };
    case "group-loss":
      return { nodes: action.nodes, loss: writeQuantity(SHARE, action.loss) };
    case "interface":
      return { nodes: action.nodes, name: action.name, change: action.change };
    case "address":
      return { nodes: action.nodes, name: action.name, address: `${action.address}/${action.prefix}` };
    case "slow":
      return { nodes: action.nodes, extra: us(action.extraUs) };
    case "restart":
      return action.software === undefined
        ? action.nodes
        : { nodes: action.nodes, software: action.software };
    case "clock":
      return { nodes: action.nodes, ...writeClock(action.change) };
    case "start-program":
    case "stop-program":
    case "restart-program":
      return {
        program: action.program,
        on: action.nodes,
        ...(action.from === undefined ? {} : { from: action.from }),
        ...(action.consoles === undefined ? {} : { consoles: action.consoles }),
        ...(action.sameRun === undefined ? {} : { same_run: action.sameRun }),
        ...(action.now === undefined ? {} : { now: action.now }),
      };
    case "kill-program":
      return { program: action.program, on: action.nodes, signal: action.signal };
    case "kill-shim":
    case "stop-shim":
    case "remove-binary":
      return { program: action.program, on: action.nodes };
    case "redefine":
      return { on: action.nodes, parameter: action.parameter, as: writeRules(action.rules) };
    case "trouble":
      return {
        on: action.nodes,
        kinds: [...action.kinds],
        every: us(action.everyUs),
        longest: us(action.longestUs),
      };
    case "spoil": {
      const { loss, duplicate, reorder } = action;
      return {
        app: action.app,
        on: action.nodes,
        loss: writeQuantity(SHARE, loss),
        duplicate: writeQuantity(SHARE, duplicate),
        reorder: writeQuantity(SHARE, reorder),
      };
    }
    case "drag":
    case "flood": {
      const { verb: _verb, nodes, everyUs, ...rest } = action;
      return { ...rest, on: nodes, every: us(everyUs) };
    }
    case "write":
    case "claim":
    case "release":
    case "own":
    case "privilege":
    case "transaction":
    case "save-state":
    case "load-state":
    case "start-app":
    case "leave-app":
    case "kill-app":
    case "cut-app":
    case "damage": {
      const { verb: _verb, nodes, ...rest } = action;
      return { ...rest, on: nodes };
    }
    default:
      return action.nodes;
  }
}

function writeClock(change: ClockChange): Record<string, unknown> {
  switch (change.kind) {
    case "offset":
      return { offset: writeQuantity(CLOCK_DIFFERENCE, change.ms) };
    case "step":
      return { step: writeQuantity(CLOCK_DIFFERENCE, change.ms) };
    case "drift":
      return { drift: writeQuantity(DRIFT, change.ppm) };
    case "sine":
      return {
        sine: { amplitude: writeQuantity(CLOCK_DIFFERENCE, change.amplitudeMs), period: us(change.periodUs) },
      };
  }
}
