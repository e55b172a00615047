// The names of nodes: what people type and read.
// Decides which texts can be one, and which one a host gives; never whether a name is free.

/** Longest name in bytes of UTF-8 (discovery research 6.3). */
export const MAX_NODE_NAME_BYTES = 48;
/** Bytes of a host's name that become a node's: `-2` to `-99` still fit behind it. */
const MAX_HOST_NAME_BYTES = MAX_NODE_NAME_BYTES - 3;
/** Letters, digits and . _ - so that a name is one shell word and one line. */
const NAME_PATTERN = /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u;

/** Whether `text` can be the name of a node: people can type it, and it fits an announcement. */
export function isNodeName(text: string): boolean {
  return NAME_PATTERN.test(text) && new TextEncoder().encode(text).length <= MAX_NODE_NAME_BYTES;
}

/** The name that a node takes from its host, without the domain; `node` where nothing of it can be used. */
export function nodeNameFromHost(hostname: string): string {
  const label = hostname.split(".")[0] ?? "";
  const cleaned = label.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return cleaned.slice(0, MAX_HOST_NAME_BYTES) || "node";
}
