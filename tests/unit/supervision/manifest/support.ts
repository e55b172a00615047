// Manifests of tests: from text to what was read, and nodes that nobody runs.

import { assert } from "@std/assert";
import { parseManifestText } from "../../../../cli/programs/show/manifest_text.ts";
import {
  type KnownHost,
  type Manifest,
  type ManifestProblems,
  readManifest,
} from "../../../../lib/supervision/manifest/mod.ts";

/** The manifest, or its problems. */
export function read(text: string): { manifest: Manifest | null; problems: ManifestProblems | null } {
  const parsed = parseManifestText(text);
  return parsed.root === null ? { manifest: null, problems: parsed.problems } : readManifest(parsed.root);
}

/** A manifest that must be fine. */
export function manifestOf(text: string): Manifest {
  const { manifest, problems } = read(text);
  assert(manifest !== null, JSON.stringify(problems?.told, null, 1));
  return manifest;
}

/** Problems as people read them: `LINE:COLUMN what | why | hint`. */
export function problemsOf(text: string): string[] {
  return (read(text).problems?.told ?? []).map(({ line, column, what, why = "", hint = "" }) =>
    `${line}:${column} ${what} | ${why} | ${hint}`
  );
}

/** A node that answers. */
export function knownHost(name: string, more: Partial<KnownHost> = {}): KnownHost {
  return {
    name,
    tags: {},
    isPresent: true,
    busyPercent: null,
    programs: new Set(),
    fits: () => false,
    ...more,
  };
}

/** The head of every manifest in these tests. */
export const HEAD = "hana: 1\nshow: tour\n";
