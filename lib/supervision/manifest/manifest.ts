// A manifest that was read: which programs a show has, on which hosts, in which groups. Every name in it is known.
// Plain data; where programs really go, resolve.ts finds out.

import type { Milestone, ProgramSpec } from "../model/mod.ts";
import type { Position } from "./tree.ts";

/** The version of the format: `hana: 1`. */
export const MANIFEST_VERSION = 1;

/** A show. */
export interface Manifest {
  readonly show: string;
  /** Null where the manifest names none: then every node that supervises programs is one. */
  readonly hosts: ReadonlyMap<string, ManifestHost> | null;
  readonly programs: ReadonlyMap<string, ManifestProgram>;
  readonly groups: ReadonlyMap<string, ManifestGroup>;
}

/** A host, by the name of its node. */
export interface ManifestHost {
  readonly name: string;
  readonly tags: readonly string[];
  readonly at: Position;
}

/** Which hosts are meant. */
export interface HostSelector {
  readonly kind: "all" | "host" | "tag" | "group" | "least-loaded" | "condition";
  /** The name, the tag, the condition; what was written otherwise. */
  readonly text: string;
  readonly at: Position;
}

/** A program of a show. */
export interface ManifestProgram {
  readonly name: string;
  readonly at: Position;
  /** Empty: it runs nowhere by itself, and stands in for others. */
  readonly on: readonly HostSelector[];
  readonly want: "up" | "once";
  /** With every default; `needs` are those of the manifest, whatever host they run on. */
  readonly spec: ProgramSpec;
  readonly needs: ReadonlyMap<string, { readonly milestone: Milestone; readonly at: Position }>;
}

/** Programs that are started together, or one after the other. */
export interface ManifestGroup {
  readonly name: string;
  readonly at: Position;
  readonly members: readonly GroupMember[];
  readonly start: "together" | "one-by-one";
}

/** A program on one host, or on all of its hosts (null). */
export interface GroupMember {
  readonly program: string;
  readonly host: string | null;
  readonly at: Position;
}
