// Colyseus as its rooms work: clients send messages, the room's handler assigns, the serializer encodes what changed.
// Decides the shape of the document (an array of schema objects) and of the message (rows of object, field, value).

import { type Edit, FIELDS, firstValue, FLOATS, OBJECTS } from "../edits.ts";
import { load } from "./packages.ts";
import type { Joined, Messages, SharedSystem } from "./system.ts";

/** Before every message of a room (shared-types/Protocol: ROOM_DATA, ROOM_STATE, ROOM_STATE_PATCH). */
const [ROOM_DATA, ROOM_STATE, ROOM_STATE_PATCH] = [13, 14, 15];
/** A message of the kind "set": a string of three bytes as the schema's codec has it; its content follows as MessagePack. */
const HEAD = new Uint8Array([ROOM_DATA, 0xa3, 0x73, 0x65, 0x74]);
/** Room for the whole state. */
const WHOLE_BYTES = 64 * 1024;

type Thing = Record<string, number | boolean | string>;
interface Doc {
  readonly things: { push(thing: Thing): number; readonly [at: number]: Thing | undefined };
}

/** Builds the type of a field. */
type Field = () => unknown;
interface SchemaPackage {
  readonly t: {
    readonly float32: Field;
    readonly boolean: Field;
    readonly string: Field;
    array(of: unknown): unknown;
  };
  schema(fields: Record<string, unknown>, name: string): new () => object;
  readonly Encoder: new (state: object) => {
    readonly sharedBuffer: Uint8Array;
    encode(it: { offset: number }): Uint8Array;
    encodeAll(it: { offset: number }, buffer?: Uint8Array): Uint8Array;
    discardChanges(): void;
  };
  readonly Decoder: new (state: object) => { decode(bytes: Uint8Array, it: { offset: number }): unknown };
  readonly Reflection: { encode(encoder: object): Uint8Array };
}

interface MsgpackPackage {
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

/** Opens Colyseus' state without its network. */
export async function openColyseus(): Promise<SharedSystem> {
  const { schema, t, Encoder, Decoder, Reflection } = await load<SchemaPackage>("@colyseus/schema");
  const { pack, unpack } = await load<MsgpackPackage>("msgpackr");
  const types = FIELDS.map((name, field): [string, unknown] => [
    name,
    field < FLOATS ? t.float32() : field === FLOATS ? t.boolean() : t.string(),
  ]);
  const ThingSchema = schema(Object.fromEntries(types), "Thing");
  const DocSchema = schema({ things: t.array(ThingSchema) }, "Doc");
  const doc = new DocSchema() as Doc;
  for (let object = 0; object < OBJECTS; object++) {
    const thing = new ThingSchema() as Thing;
    for (const [field, name] of FIELDS.entries()) thing[name] = firstValue(object, field);
    doc.things.push(thing);
  }
  const encoder = new Encoder(doc);
  const copy = (): { readonly doc: Doc; take(messages: Messages): void } => {
    const mine = new DocSchema() as Doc;
    const decoder = new Decoder(mine);
    return {
      doc: mine,
      take: (messages) => {
        for (const bytes of messages) decoder.decode(bytes, { offset: 1 });
      },
    };
  };
  const whole = (): Messages => {
    const buffer = new Uint8Array(WHOLE_BYTES);
    buffer[0] = ROOM_STATE;
    return [encoder.encodeAll({ offset: 1 }, buffer)];
  };
  const reader = copy();
  // A room tells all who are in it, the writer too.
  const writer = copy();
  for (const end of [reader, writer]) end.take(whole());
  let told: Messages = [];
  encoder.discardChanges();

  function patch(): Messages {
    // As the room's serializer does it: the first byte of the encoder's own buffer is that of the message.
    encoder.sharedBuffer[0] = ROOM_STATE_PATCH;
    const bytes = encoder.encode({ offset: 1 }).slice();
    encoder.discardChanges();
    return [bytes];
  }
  function assign(object: number, field: number, value: number): void {
    const thing = doc.things[object];
    const name = FIELDS[field];
    if (thing !== undefined && name !== undefined) thing[name] = value;
  }
  return {
    write(edits) {
      const rows: number[][] = [];
      for (const { object, field, value } of edits) rows.push([object, field, value]);
      const payload = pack(rows);
      const message = new Uint8Array(HEAD.length + payload.length);
      message.set(HEAD);
      message.set(payload, HEAD.length);
      return [message];
    },
    relay(sent) {
      for (const bytes of sent) {
        const rows = unpack(bytes.subarray(HEAD.length)) as [number, number, number][];
        for (const [object, field, value] of rows) assign(object, field, value);
      }
      return told = patch();
    },
    read: (sent) => reader.take(sent),
    settle: () => writer.take(told),
    change(edits) {
      for (const { object, field, value } of edits) assign(object, field, value);
      return patch();
    },
    valueOf: ({ object, field }) => Number(reader.doc.things[object]?.[FIELDS[field] ?? ""]),
    join(): Joined {
      const newcomer = copy();
      const messages = whole();
      newcomer.take(messages);
      const valueOf = ({ object, field }: Edit): number =>
        Number(newcomer.doc.things[object]?.[FIELDS[field] ?? ""]);
      const handshake = Reflection.encode(encoder).slice();
      return { messages: [handshake, ...messages], schemaBytes: handshake.length, valueOf };
    },
  };
}
