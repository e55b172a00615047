// Selectors: who is meant by `viz-0..3`, `@role:app`, `@random(2, viz-*)`, `!viz-1`.
// Decides the grammar and its errors; what a role is at this moment, and the draws, are given by the caller.

import type { RandomStream } from "../../platform/mod.ts";
import type { NodePlan, Selector } from "../scenario.ts";
import { ScenarioProblem, show, suggest } from "./problem.ts";
import { type Shape, text } from "./shape.ts";

/** What a selector is resolved against. */
export interface SelectionContext {
  readonly nodes: readonly NodePlan[];
  /** The role that a node has now; that of the plan when not given. */
  readonly roleOf?: (name: string) => string;
  /** Who may act as leader now; while nobody may, the first app stands for it. */
  readonly leaders?: () => readonly string[];
  /** Who hosts the shared state now; while nobody does, leaders stand for it. */
  readonly hosts?: () => readonly string[];
  /** Where `@random` draws from; without it a random selector is an error. */
  readonly random?: RandomStream;
}

/** How a selector is written. */
export const selectorText: Shape<string> = text(
  "a selector such as viz-3, viz-*, viz-0..3, @role:app, @random(2, viz-*), !viz-1",
  "^\\s*[^\\s,][^,]*(,\\s*[^\\s,][^,]*)*\\s*$",
);

const FORMS =
  "viz-3, viz-*, viz-0..3, @role:app, @group:viz, @host:rack-1, @tag:stage=left, @random(2, viz-*), " +
  "@leader, @state-host, @all, !viz-1";

/** Whether what it means is drawn when it fires. */
export function isRandomSelector(selector: Selector): boolean {
  return selector.includes("@random(");
}

/**
 * The names that a selector means, in the order of the scenario, each once.
 * Throws {@linkcode ScenarioProblem} at `path` for a name, group, role or host that is not there, and for nobody.
 */
export function selectNodes(selector: Selector, context: SelectionContext, path: string): string[] {
  const chosen = new Set<string>();
  const parts = splitParts(selector, path);
  if (parts[0]?.startsWith("!") === true) { for (const node of context.nodes) chosen.add(node.name); }
  for (const part of parts) {
    if (part.startsWith("!")) {
      for (const name of selectPart(part.slice(1), context, path)) chosen.delete(name);
    } else for (const name of selectPart(part, context, path)) chosen.add(name);
  }
  if (chosen.size === 0) throw new ScenarioProblem(path, `${show(selector)} means nobody`);
  return context.nodes.filter((node) => chosen.has(node.name)).map((node) => node.name);
}

/**
 * The names that a selector means now. Roles and draws are settled by this call.
 * Throws `config` for what cannot be resolved; a selector that turns out to mean nobody is an error too.
 */
export function resolveSelector(selector: Selector, context: SelectionContext): string[] {
  try {
    return selectNodes(selector, context, "selector");
  } catch (thrown) {
    if (thrown instanceof ScenarioProblem) throw thrown.toHanaError(selector);
    throw thrown;
  }
}

/** The names that a selector means among these nodes; it must not be random. Throws as {@linkcode resolveSelector}. */
export function namesOf(selector: Selector, nodes: readonly NodePlan[]): string[] {
  return resolveSelector(selector, { nodes });
}

/** Checks a selector as far as it can be known before it fires. */
export function checkSelector(selector: Selector, nodes: readonly NodePlan[], path: string): void {
  // Draws of any stream tell whether there is somebody to draw from.
  const random: RandomStream = { u32: () => 0, float: () => 0, fill: (target) => target.fill(0) };
  selectNodes(selector, { nodes, random }, path);
}

/** Splits at commas that stand outside of parentheses. */
function splitParts(selector: string, path: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= selector.length; at++) {
    const letter = selector[at];
    if (letter === "(") depth++;
    if (letter === ")") depth--;
    if (depth < 0) break;
    if (at === selector.length || (letter === "," && depth === 0)) {
      parts.push(selector.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (depth !== 0) throw new ScenarioProblem(path, `${show(selector)} has an odd parenthesis`);
  if (parts.some((part) => part === "" || part === "!")) {
    throw new ScenarioProblem(path, `${show(selector)} has an empty part`, `write ${FORMS}`);
  }
  return parts;
}

function selectPart(part: string, context: SelectionContext, path: string): string[] {
  const { nodes } = context;
  const names = nodes.map((node) => node.name);
  if (part === "@all" || part === "*") return names;
  if (part.startsWith("@")) return selectSpecial(part, context, path);
  const range = /^(.*?)(\d+)\.\.(\d+)$/.exec(part);
  if (range !== null) return selectRange(range, names, path);
  if (part.includes("*")) {
    const expression = new RegExp(`^${part.split("*").map(escapeExpression).join(".*")}$`);
    return named(names.filter((name) => expression.test(name)), part, names, path);
  }
  return named(names.filter((name) => name === part), part, names, path);
}

function selectRange(range: RegExpExecArray, names: readonly string[], path: string): string[] {
  const [whole, prefix = "", first = "", last = ""] = range;
  if (Number(first) > Number(last)) {
    throw new ScenarioProblem(path, `${whole} runs backwards`, `write ${prefix}${last}..${first}`);
  }
  const known = new Set(names);
  const wanted: string[] = [];
  for (let index = Number(first); index <= Number(last); index++) {
    const name = `${prefix}${index}`;
    if (!known.has(name)) throw new ScenarioProblem(path, `there is no node ${name}`, suggest(name, names));
    wanted.push(name);
  }
  return wanted;
}

function selectSpecial(part: string, context: SelectionContext, path: string): string[] {
  const { nodes } = context;
  if (part === "@state-host") {
    const hosts = context.hosts?.() ?? [];
    return hosts.length > 0 ? [...hosts] : selectSpecial("@leader", context, path);
  }
  if (part === "@leader") {
    const leaders = context.leaders?.() ?? [];
    const apps = nodes.filter(({ role }) => role === "app").map(({ name }) => name);
    return leaders.length > 0 ? [...leaders] : named(apps.slice(0, 1), part, [], path);
  }
  const random = /^@random\(\s*(\d+)\s*(?:,(.*))?\)$/.exec(part);
  if (random !== null) return draw(Number(random[1]), random[2]?.trim() ?? "@all", context, path);
  const colon = part.indexOf(":");
  const [word, value] = colon < 0 ? [part, ""] : [part.slice(0, colon), part.slice(colon + 1)];
  const roleOf = context.roleOf ?? ((name) => nodes.find((node) => node.name === name)?.role ?? "");
  const by = (key: (node: NodePlan) => string): string[] =>
    named(
      nodes.filter((node) => key(node) === value).map(({ name }) => name),
      part,
      [...new Set(nodes.map(key))].map((each) => `${word}:${each}`),
      path,
    );
  switch (word) {
    case "@role":
      return by((node) => roleOf(node.name));
    case "@group":
      return by((node) => node.group);
    case "@host":
      return by((node) => node.host);
    case "@tag": {
      const [tag = "", wanted = ""] = value.split("=");
      const fitting = nodes.filter(({ tags }) =>
        tags[tag] !== undefined && (wanted === "" || tags[tag] === wanted)
      );
      return named(fitting.map(({ name }) => name), part, [], path);
    }
    default:
      throw new ScenarioProblem(
        path,
        `${part} is no selector`,
        suggest(word, ["@all", "@leader", "@state-host", "@role", "@group", "@host", "@tag", "@random"]),
      );
  }
}

/** Draws `count` of those that `from` means, all of them when they are fewer: a partial Fisher–Yates shuffle. */
function draw(count: number, from: string, context: SelectionContext, path: string): string[] {
  if (context.random === undefined) {
    throw new ScenarioProblem(
      path,
      "is drawn when it fires, and here it must be known before",
      `name the nodes`,
    );
  }
  if (count === 0) throw new ScenarioProblem(path, "draws nobody", "write @random(1)");
  const pool = selectNodes(from, context, path);
  const chosen: string[] = [];
  while (chosen.length < count && pool.length > 0) {
    const [drawn] = pool.splice(Math.floor(context.random.float() * pool.length), 1);
    if (drawn !== undefined) chosen.push(drawn);
  }
  return chosen;
}

function named(found: string[], part: string, known: readonly string[], path: string): string[] {
  if (found.length > 0) return found;
  throw new ScenarioProblem(path, `${part} means no node of the scenario`, suggest(part, known));
}

const escapeExpression = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether a selector means somebody of these nodes, without naming anybody else. */
export function isSettledSelector(selector: Selector, nodes: readonly NodePlan[]): boolean {
  try {
    checkSelector(selector, nodes, "");
    return true;
  } catch (thrown) {
    if (thrown instanceof ScenarioProblem) return false;
    throw thrown;
  }
}
