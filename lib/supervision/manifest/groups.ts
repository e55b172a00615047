// The groups of a manifest: programs that start together, or one after the other.
// Decides that every member is known; the order in which they start is rollout.ts's.

import { nearest } from "../../base/mod.ts";
import type { GroupMember, Manifest, ManifestGroup } from "./manifest.ts";
import { SHOW_NAME } from "./selectors.ts";
import type { ManifestEntry, ManifestNode } from "./tree.ts";
import { join, quoted, type Values } from "./values.ts";

const MAX_MEMBERS = 256;
const MAX_GROUPS = 64;

/** Reads `groups`. */
export function readGroups(
  values: Values,
  entry: ManifestEntry | undefined,
  programs: ReadonlySet<string>,
  hosts: Manifest["hosts"],
): ReadonlyMap<string, ManifestGroup> {
  const groups = new Map<string, ManifestGroup>();
  if (entry === undefined) return groups;
  const taken = new Map<string, string>();
  for (const [name, { line, column, value }] of values.table("groups", entry.value, null) ?? []) {
    const path = join("groups", name);
    const at = { line, column };
    if (!SHOW_NAME.test(name)) {
      values.problems.add(at, `a group cannot be called ${quoted(name)}`, "letters, digits, . _ and -");
    }
    if (groups.size >= MAX_GROUPS) {
      values.problems.add(at, `groups has more than ${MAX_GROUPS}`, "that is the most of one show");
      break;
    }
    const table = values.table(path, value, ["members", "start"]);
    if (table === undefined) continue;
    const members = table.get("members");
    if (members === undefined) {
      values.problems.add(at, `${path} lacks members`, undefined, "members: [aurora@stage-left]");
      continue;
    }
    const start = table.get("start");
    const how = start === undefined
      ? "one-by-one"
      : values.word(join(path, "start"), start.value, ["together", "one-by-one"]) ?? "one-by-one";
    const list = values.list(join(path, "members"), members.value, "[aurora@stage-left]");
    const found = (list?.items ?? []).slice(0, MAX_MEMBERS).flatMap((item, i) =>
      readMember(values, `${path}.members[${i}]`, item, programs, hosts)
    );
    for (const member of found) {
      const key = `${member.program}@${member.host ?? "*"}`;
      const other = taken.get(key);
      if (other !== undefined) {
        values.problems.add(
          member.at,
          `${key} is in ${other} already`,
          "a program starts with one group alone",
        );
      } else taken.set(key, name);
    }
    groups.set(name, { name, at, members: found, start: how });
  }
  return groups;
}

function readMember(
  values: Values,
  path: string,
  node: ManifestNode,
  programs: ReadonlySet<string>,
  hosts: Manifest["hosts"],
): readonly GroupMember[] {
  const text = values.text(path, node);
  if (text === undefined) return [];
  const cut = text.indexOf("@");
  const program = cut < 0 ? text : text.slice(0, cut);
  const host = cut < 0 ? null : text.slice(cut + 1);
  const at = { line: node.line, column: node.column };
  if (!programs.has(program)) {
    const near = nearest(program, programs);
    values.problems.add(
      at,
      `${path}: there is no program ${quoted(program)}`,
      near === null ? "a member is NAME or NAME@HOST" : `did you mean ${near}?`,
      near === null ? undefined : `${near}${host === null ? "" : `@${host}`}`,
    );
    return [];
  }
  if (host === null) return [{ program, host, at }];
  if (host === "" || (hosts !== null && !hosts.has(host))) {
    const near = hosts === null ? null : nearest(host, hosts.keys());
    values.problems.add(
      at,
      `${path}: there is no host ${quoted(host)}`,
      near === null
        ? `hosts has ${[...hosts?.keys() ?? []].slice(0, 8).join(", ")}`
        : `did you mean ${near}?`,
      near === null ? undefined : `${program}@${near}`,
    );
    return [];
  }
  return [{ program, host, at }];
}
