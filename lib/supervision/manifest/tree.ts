// A manifest as it was written: tables, lists and values, each with its place in the file.
// Decides the shape that readers of YAML and JSON hand over, and its bounds; no text format is known in here.

/** A place in a file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One value. */
export interface ScalarNode extends Position {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
}

/** Values in order. */
export interface ListNode extends Position {
  readonly kind: "list";
  readonly items: readonly ManifestNode[];
}

/** Values by name, in the order of the file; a name that stands there twice is here twice. */
export interface TableNode extends Position {
  readonly kind: "table";
  readonly entries: readonly ManifestEntry[];
}

/** A name and what it means; the place is the name's. */
export interface ManifestEntry extends Position {
  readonly key: string;
  readonly value: ManifestNode;
}

/** Anything that stands in a manifest. */
export type ManifestNode = ScalarNode | ListNode | TableNode;

/** Characters of a manifest's text. */
export const MAX_MANIFEST_LENGTH = 256 * 1024;
/** Values of a manifest, those of repeated parts each time. */
export const MAX_MANIFEST_NODES = 20_000;
/** Tables and lists within one another. */
export const MAX_MANIFEST_DEPTH = 16;
