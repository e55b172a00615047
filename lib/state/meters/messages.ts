// What is asked about meters: their names, and to be shown them.
// Decides the messages; values travel beside them on a lane of their own (packet.ts).

import { ANY_ROLE, defineRequest } from "../../session/mod.ts";
import { s } from "../../wire/mod.ts";
import {
  MAX_METER_PREFIXES,
  MAX_METER_SOURCES,
  MAX_METER_UNIT,
  MAX_METERS,
  MAX_TABLES_PER_ANSWER,
} from "./limits.ts";

const READ = { lane: "control", effect: "read", from: ANY_ROLE, to: ANY_ROLE } as const;

/** One source and its meters, as they are told. */
export interface SourceMeters {
  /** Its number in packets; 0 for the node itself that was asked. */
  readonly source: number;
  readonly name: string;
  readonly ageMs: number;
  readonly stale: boolean;
  readonly meters: readonly {
    readonly name: string;
    readonly unit: string | null;
    readonly min: number | null;
    readonly max: number | null;
    /** The newest value; null where there is none, or it belongs to another table. */
    readonly value: number | null;
  }[];
}

/** The answer to {@linkcode STATE_METERS}. */
export interface ToldMeters {
  readonly sources: readonly SourceMeters[];
  readonly more: boolean;
  readonly numbers: readonly number[];
}

/** The names behind the numbers in packets of meters. A host asks a source, a client asks the host. */
export const STATE_METERS = defineRequest({
  name: "hana.state.meters",
  description:
    "The meters of a node, or of all nodes that send some to the one that hosts: name, unit, range, value.",
  ...READ,
  body: s.object({
    /** Numbers of sources; none for all. */
    sources: s.array(s.integer({ minimum: 0, maximum: 65_535 }), { maxItems: MAX_METER_SOURCES }),
  }),
  reply: s.object({
    sources: s.array(
      s.object({
        source: s.integer({ minimum: 0, maximum: 65_535 }),
        name: s.string({ maxLength: 63 }),
        ageMs: s.integer({ minimum: 0 }),
        stale: s.boolean(),
        meters: s.array(
          s.object({
            name: s.string({ maxLength: 128 }),
            unit: s.nullable(s.string({ maxLength: MAX_METER_UNIT })),
            min: s.nullable(s.number()),
            max: s.nullable(s.number()),
            value: s.nullable(s.number()),
          }),
          { maxItems: MAX_METERS },
        ),
      }),
      { maxItems: MAX_TABLES_PER_ANSWER },
    ),
    more: s.boolean({ description: "whether there are more sources: ask for their numbers" }),
    numbers: s.array(s.integer(), {
      maxItems: MAX_METER_SOURCES,
      description: "of all sources that there are",
    }),
  }),
});

/** Has meters sent on the lane `hana.state.meters` for as long as the session lasts. Another call takes its place. */
export const STATE_METERS_SUBSCRIBE = defineRequest({
  name: "hana.state.meters.subscribe",
  description: "Has the host send the meters at or below some prefixes, or none any more.",
  ...READ,
  body: s.object({
    prefixes: s.array(s.string({ maxLength: 192 }), { maxItems: MAX_METER_PREFIXES }),
    maxHz: s.integer({ minimum: 1, maximum: 30 }),
  }),
  reply: s.object({}),
});
