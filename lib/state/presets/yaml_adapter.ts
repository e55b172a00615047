// YAML with the places of everything in it; the one place of the library that names the package.
// Decides nothing: yaml_text.ts reads a snapshot from it.

export { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
