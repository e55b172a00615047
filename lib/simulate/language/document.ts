// A scenario file as a whole: its top level, and the JSON Schema of it.
// Decides which keys there are; both reader and schema come of the same tables.

import { SCENARIO_VERSION } from "../scenario.ts";
import { expectShape } from "./expect.ts";
import { link } from "./links.ts";
import { networkShape, trafficShape } from "./network.ts";
import { nodesShape } from "./nodes.ts";
import { programsShape } from "./programs.ts";
import { stateShape } from "./state.ts";
import {
  choice,
  type JsonSchema,
  list,
  mapping,
  optional,
  quantity,
  record,
  type RecordOutput,
  recordSchema,
  required,
  type Shape,
  text,
} from "./shape.ts";
import { entryShape, referenceDefinition } from "./timeline.ts";
import { scalar } from "./shape.ts";
import { DURATION } from "./units.ts";

/** Names of scenarios; a variant of a sweep carries its values: `jitter[median=1ms]`. */
export const SCENARIO_NAME = "^[a-z0-9][a-z0-9-]{0,63}(\\[[^\\[\\]]{1,200}\\])?$";
const PARAMETER = { what: "a name of a parameter", pattern: "^(?!i$)[A-Za-z_][A-Za-z0-9_]*$" };

const duration = quantity(DURATION);

/** The keys of the top level. */
export const documentFields = {
  version: optional(choice([SCENARIO_VERSION]), "Version of the language."),
  name: required(text("a name of small letters, digits and dashes", SCENARIO_NAME), "Name of the scenario."),
  summary: optional(text("one or two sentences"), "What it stands for, in one or two sentences."),
  extends: optional(
    text("a name of a scenario", SCENARIO_NAME),
    "Scenario whose keys it takes over, such as base.",
  ),
  tags: optional(list(text("a tag", "^[a-z0-9][a-z0-9:-]*$"), { max: 32 }), "Words to find it by."),
  params: optional(
    mapping(scalar, PARAMETER),
    "Parameters with their defaults; `$name` stands for one anywhere.",
  ),
  sweep: optional(
    mapping(list(scalar, { min: 1, max: 100 }), PARAMETER),
    "Parameters with lists of values: every combination is a scenario of its own.",
  ),
  duration: optional(quantity(DURATION, 1), "The whole run; follows from the timeline unless given."),
  warmup: optional(duration, "By then all nodes see each other, else the run is invalid; 5s unless given."),
  quiet: optional(duration, "The tail without faults in which the mesh must recover; 20s unless given."),
  nodes: required(nodesShape, "Groups of nodes and single nodes by name."),
  network: optional(networkShape, "Segments and how their links fare."),
  traffic: optional(trafficShape, "Messages that flow by themselves."),
  programs: optional(programsShape, "Programs that nodes start and keep running."),
  state: optional(stateShape, "Shared state: parameters, and apps that work with them."),
  timeline: optional(list(entryShape), "What happens, and when."),
  expect: optional(expectShape, "What the run must show."),
};

/** A scenario file, read. */
export type ScenarioDocument = RecordOutput<typeof documentFields>;

/** Reads a scenario file without parameters left in it: structure, keys and units. */
export const documentShape: Shape<ScenarioDocument> = record(documentFields);

/** The JSON Schema (2020-12) of scenario files, for editors. */
export function scenarioSchema(): Record<string, unknown> {
  const schema = recordSchema(documentFields);
  // What comes of `extends` need not be said again.
  const properties = schema.properties as Record<string, JsonSchema>;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:hana:${SCENARIO_VERSION}`,
    title: "A scenario of hana simulate",
    ...schema,
    required: ["name"],
    if: { not: { required: ["extends"] } },
    then: { required: schema.required },
    properties: {
      ...properties,
      // Null takes away what the extended scenario has.
      nodes: orNullInside(properties.nodes),
      params: orNullInside(properties.params),
      programs: orNullInside(properties.programs),
    },
    $defs: { reference: referenceDefinition, [link.definition]: link.define() },
  };
}

function orNullInside(schema: JsonSchema | undefined): JsonSchema {
  return { ...schema, additionalProperties: { anyOf: [schema?.additionalProperties, { type: "null" }] } };
}
