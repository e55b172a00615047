// The JSON shapes that scripts read: every object names its schema and when it was made.
// Decides the envelope `{schema, ts, …}`; never what stands in it.

/** Anything that JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | {
  readonly [key: string]: Json | undefined;
};

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** `{schema: "hana.<what>/1", ts, …body}`; `ts` is RFC 3339 in UTC. */
export function document(what: string, body: JsonObject, wallMs: number = Date.now()): JsonObject {
  return { schema: `hana.${what}/1`, ts: new Date(wallMs).toISOString(), ...body };
}

// JSON leaves these as they are, but a terminal obeys some of them: U+009B begins an escape sequence like ESC [,
// and the bidirectional controls make one text read as another. The escape means the same to every parser.
const UNSAFE_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** `value` as JSON that is safe to print; indented by `indent` spaces. */
export function jsonText(value: JsonObject, indent?: number): string {
  return JSON.stringify(value, null, indent)
    .replace(UNSAFE_IN_JSON, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** One document for `--json`: indented on a terminal, one line where a program reads. */
export function documentText(value: JsonObject, isTerminal: boolean): string {
  return jsonText(value, isTerminal ? 2 : undefined) + "\n";
}
