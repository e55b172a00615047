// Reads what a shim is to do: one JSON line, from whoever started it.
// Decides what must be there; the daemon is of the same user and of the same program, so the rest is trusted.

import { HanaError } from "../../base/mod.ts";
import { CONTROL_VERSION, type ShimAssignment } from "../model/mod.ts";

const TEXTS = ["name", "node", "directory", "controlSocket", "childSocket", "token", "by"] as const;

/** Reads an assignment. Throws `decode` for what is no JSON, `version`, and `schema` with the field that is missing. */
export function readAssignment(line: string): ShimAssignment {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new HanaError("decode", { what: "the assignment of a shim", why: "it is no JSON", cause });
  }
  const what = "the assignment of a shim";
  if (typeof value !== "object" || value === null || value["t"] !== "assign") {
    throw new HanaError("schema", { what, why: "it is none" });
  }
  if (typeof value["v"] !== "number" || value["v"] > CONTROL_VERSION) {
    throw new HanaError("version", {
      what,
      why: `version ${value["v"]}, this shim speaks ${CONTROL_VERSION}`,
    });
  }
  for (const field of TEXTS) {
    if (typeof value[field] !== "string") throw new HanaError("schema", { what, why: `${field} is no text` });
  }
  const spec = value["spec"] as Record<string, unknown> | undefined;
  if (!Array.isArray(spec?.["argv"])) throw new HanaError("schema", { what, why: "spec.argv is no list" });
  return value as unknown as ShimAssignment;
}
