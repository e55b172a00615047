// YAML with the places of everything in it; the one place that names the package. JSON is YAML.
// Decides nothing: manifest_text.ts makes a manifest's tree of it.

export { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
