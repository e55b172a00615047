// Typed face of the untyped package that republishes @std/yaml; the one place that names it.

// deno-lint-ignore-file no-explicit-any
import * as untyped from "deno-std/yaml/mod.js";

const std = untyped as any;

/** Parses one YAML document. Throws `SyntaxError` with line and column. */
export const parse: (text: string) => unknown = std.parse;
/** Writes a value as YAML. */
export const stringify: (value: unknown) => string = std.stringify;
