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

/** One document for `--json`: indented on a terminal, one line where a program reads. */
export function documentText(value: JsonObject, isTerminal: boolean): string {
  return JSON.stringify(value, null, isTerminal ? 2 : undefined) + "\n";
}
