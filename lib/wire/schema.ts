// Message schemas at work: a validator for each, and the error that says where a value differs.
// Decides nothing about the forms (schema_types.ts, schema_check.ts). Never changes a value: defaults are for people
// and for whoever fills in forms.

import { HanaError } from "../base/mod.ts";
import { compileCheck, type SchemaProblem } from "./schema_check.ts";
import { parseSchema } from "./schema_parse.ts";
import type { Infer, Schema } from "./schema_types.ts";

/** Checks values against one schema. */
export interface Validator<T = unknown> {
  /** The schema as {@linkcode parseSchema} understood it. */
  readonly schema: Schema;
  /** Null when `value` is allowed (nothing is allocated then), else the first place where it is not. */
  validate(value: unknown): SchemaProblem | null;
  /** Whether `value` is allowed. */
  accepts(value: unknown): value is T;
  /** Returns `value` when it is allowed; throws `schema` otherwise. Not for hot paths. */
  check(value: unknown): T;
}

/**
 * The validator of `schema`; `name` begins the paths of its problems (`body.cue.hue`).
 * Throws `schema` when the schema itself lies outside the subset or its bounds.
 */
export function compileSchema<const S extends Schema>(schema: S, name = "value"): Validator<Infer<S>> {
  const parsed = parseSchema(schema);
  const check = compileCheck(parsed);
  const validate = (value: unknown): SchemaProblem | null => {
    const mismatch = check(value);
    if (mismatch === null) return null;
    return { path: name + mismatch.path, expected: mismatch.expected, found: mismatch.found };
  };
  return {
    schema: parsed,
    validate,
    accepts: (value): value is Infer<S> => check(value) === null,
    check: (value) => {
      const problem = validate(value);
      if (problem !== null) throw schemaError(problem);
      return value as Infer<S>;
    },
  };
}

/** The error for `problem`, with code `schema`. */
export function schemaError(problem: SchemaProblem): HanaError {
  return new HanaError("schema", {
    what: problem.path,
    why: `expected ${problem.expected}, found ${problem.found}`,
  });
}
