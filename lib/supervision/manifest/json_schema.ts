// The JSON Schema of manifests, for editors: made from the table of fields that the reader uses.
// Decides the shape alone; what names mean, and whether values fit together, only the reader tells.

import { PROGRAM_FIELDS, type SchemaPart } from "./fields.ts";
import { MANIFEST_VERSION } from "./manifest.ts";
import { SHOW_NAME } from "./selectors.ts";

const TAGS: SchemaPart = {
  anyOf: [
    { type: "array", items: { type: "string" } },
    { type: "object", additionalProperties: { type: "string" } },
  ],
};

/** The schema, as draft 2020-12 has it. */
export function manifestSchema(): SchemaPart {
  const properties = (isShared: boolean): SchemaPart =>
    Object.fromEntries(
      Object.entries(PROGRAM_FIELDS)
        .filter(([, rule]) => !isShared || rule.shared)
        .map(([key, { schema, about }]) => [key, { description: about, ...schema }]),
    );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "hana.manifest/1",
    title: "A show of hana",
    type: "object",
    additionalProperties: false,
    required: ["hana", "show", "programs"],
    properties: {
      hana: { description: "The form of the manifest.", const: MANIFEST_VERSION },
      show: { description: "The name of the show.", type: "string", pattern: SHOW_NAME.source },
      hosts: {
        description: "The nodes of the show by name; every node that supervises programs where left out.",
        anyOf: [
          { type: "array", items: { type: "string" } },
          {
            type: "object",
            additionalProperties: {
              anyOf: [
                { type: "null" },
                { type: "object", additionalProperties: false, properties: { tags: TAGS } },
              ],
            },
          },
        ],
      },
      defaults: {
        description: "What holds for every program that says nothing else.",
        type: "object",
        additionalProperties: false,
        properties: properties(true),
      },
      programs: {
        description: "The programs by name.",
        type: "object",
        propertyNames: { pattern: "^[a-z0-9][a-z0-9._-]{0,62}$" },
        additionalProperties: {
          type: "object",
          additionalProperties: false,
          required: ["run"],
          properties: properties(false),
        },
      },
      groups: {
        description: "Programs that start together, or one after the other.",
        type: "object",
        additionalProperties: {
          type: "object",
          additionalProperties: false,
          required: ["members"],
          properties: {
            members: { type: "array", items: { type: "string", pattern: "^[^@]+(@.+)?$" } },
            start: { enum: ["together", "one-by-one"] },
          },
        },
      },
    },
  };
}
