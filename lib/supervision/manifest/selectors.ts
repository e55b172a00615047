// Which hosts `on` means: names, `tag:TAG`, groups, `*`, `@least-loaded`, conditions on what nodes announce.
// Decides the forms, and that every name in them is known; which nodes fit, resolve.ts decides.

import { nearest } from "../../base/mod.ts";
import type { HostSelector, Manifest, ManifestGroup, ManifestProgram } from "./manifest.ts";
import type { Problems } from "./problems.ts";
import type { ManifestNode } from "./tree.ts";
import { quoted, type Values } from "./values.ts";

/** Names of shows and groups. */
export const SHOW_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const LEAST_LOADED = "@least-loaded";
const MAX_SELECTORS = 64;

/** Reads `on`: one selector, or a list of them. */
export function readSelectors(values: Values, path: string, node: ManifestNode): readonly HostSelector[] {
  if (node.kind === "scalar") return readOne(values, path, node);
  const list = values.list(path, node, 'on: ["*"]');
  if (list === undefined) return [];
  if (list.items.length > MAX_SELECTORS) values.misfit(path, node, `at most ${MAX_SELECTORS} of them`);
  return list.items.slice(0, MAX_SELECTORS).flatMap((item, i) => readOne(values, `${path}[${i}]`, item));
}

function readOne(values: Values, path: string, node: ManifestNode): readonly HostSelector[] {
  const written = values.text(path, node);
  if (written === undefined) return [];
  const text = written.trim();
  const at = { line: node.line, column: node.column };
  if (text === "*" || text === "all") return [{ kind: "all", text, at }];
  if (text === LEAST_LOADED) return [{ kind: "least-loaded", text, at }];
  if (text.startsWith("@")) {
    values.misfit(path, node, LEAST_LOADED, "the only choice of its kind");
    return [];
  }
  if (text.startsWith("tag:")) {
    const tag = text.slice("tag:".length);
    if (/^[^=]+(=.*)?$/.test(tag)) return [{ kind: "tag", text: tag, at }];
    values.misfit(path, node, "tag:TAG or tag:KEY=VALUE");
    return [];
  }
  if (/[<>=~!]/.test(text)) return [{ kind: "condition", text, at }];
  if (text === "" || /[\s,]/.test(text)) {
    values.misfit(
      path,
      node,
      "one host, tag:TAG, group, *, @least-loaded or condition",
      "several stand in a list",
    );
    return [];
  }
  return [{ kind: "host", text, at }];
}

/** Whether a host of these tags has one: `wall`, or `KEY=VALUE`. A tag that is asked for without a value fits any. */
export function hasTag(tags: readonly string[], tag: string): boolean {
  return tags.some((each) => each === tag || (!tag.includes("=") && each.startsWith(`${tag}=`)));
}

/** The hosts that the members of a group name. */
export function hostsOfGroup(group: ManifestGroup): readonly string[] {
  return [...new Set(group.members.flatMap(({ host }) => host ?? []))];
}

/** Looks up every name. With no hosts in the manifest, unknown ones are looked for on the network later. */
export function checkSelectors(
  problems: Problems,
  programs: readonly Pick<ManifestProgram, "name" | "on">[],
  hosts: Manifest["hosts"],
  groups: ReadonlyMap<string, ManifestGroup>,
): void {
  const seen = new Set<string>();
  for (const { name, on } of programs) {
    for (const { kind, text, at } of on) {
      // What `defaults` says is wrong once, not once a program.
      const place = `${at.line}:${at.column}`;
      if (seen.has(place)) continue;
      seen.add(place);
      const group = groups.get(text);
      if (kind === "tag" && hosts !== null) {
        const tags = [...new Set([...hosts.values()].flatMap((host) => host.tags))];
        if (hasTag(tags, text)) continue;
        const near = nearest(text, tags);
        problems.add(
          at,
          `${name}: no host has the tag ${quoted(text)}`,
          near !== null
            ? `did you mean ${near}?`
            : tags.length === 0
            ? "no host has any"
            : `there are ${tags.join(", ")}`,
          near === null ? undefined : `tag:${near}`,
        );
      } else if (kind === "host" && group !== undefined && hosts?.has(text) !== true) {
        if (hostsOfGroup(group).length > 0) continue;
        problems.add(at, `${name}: the group ${text} names no host`, "its members are NAME@HOST for this");
      } else if (kind === "host" && hosts !== null && !hosts.has(text)) {
        const known = [...hosts.keys(), ...groups.keys()];
        const near = nearest(text, known);
        problems.add(
          at,
          `${name}: there is no host ${quoted(text)}`,
          near === null ? `hosts has ${known.slice(0, 8).join(", ")}` : `did you mean ${near}?`,
          near ?? undefined,
        );
      }
    }
  }
}
