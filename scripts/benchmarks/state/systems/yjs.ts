// Yjs as its WebSocket server works: every end has the document, updates go through the sync protocol of y-protocols.
// Decides the shape of the document: a map of objects, each a map of its fields.

import { type Edit, FIELDS, firstValue, OBJECTS } from "../edits.ts";
import { load } from "./packages.ts";
import type { Joined, Messages, SharedSystem } from "./system.ts";

/** The first number of every message of y-websocket's. */
const MESSAGE_SYNC = 0;

interface YMap {
  set(key: string, value: unknown): void;
  get(key: string): unknown;
}
interface YDoc {
  getMap(name: string): YMap;
  transact(act: () => void, origin?: unknown): void;
  on(event: "update", listener: (update: Uint8Array, origin: unknown) => void): void;
}
interface YjsPackage {
  readonly Doc: new () => YDoc;
  readonly Map: new () => YMap;
  applyUpdate(doc: YDoc, update: Uint8Array, origin?: unknown): void;
  encodeStateAsUpdate(doc: YDoc): Uint8Array;
}
interface Encoding {
  createEncoder(): object;
  writeVarUint(encoder: object, value: number): void;
  toUint8Array(encoder: object): Uint8Array;
}
interface Decoding {
  createDecoder(bytes: Uint8Array): object;
  readVarUint(decoder: object): number;
}
interface SyncProtocol {
  writeUpdate(encoder: object, update: Uint8Array): void;
  writeSyncStep1(encoder: object, doc: YDoc): void;
  readSyncMessage(decoder: object, encoder: object, doc: YDoc, origin: unknown): number;
}

/** Opens Yjs with the messages of its WebSocket server. */
export async function openYjs(): Promise<SharedSystem> {
  const { Doc, Map, applyUpdate, encodeStateAsUpdate } = await load<YjsPackage>("yjs");
  const { createEncoder, writeVarUint, toUint8Array } = await load<Encoding>("lib0/encoding");
  const { createDecoder, readVarUint } = await load<Decoding>("lib0/decoding");
  const sync = await load<SyncProtocol>("y-protocols/sync");

  /** A document whose own changes and those that it took from somebody are told. */
  function open(): { readonly doc: YDoc; take(messages: Messages): Messages; said(): Messages } {
    const doc = new Doc();
    let outbox: Uint8Array[] = [];
    doc.on("update", (update) => {
      const encoder = createEncoder();
      writeVarUint(encoder, MESSAGE_SYNC);
      sync.writeUpdate(encoder, update);
      outbox.push(toUint8Array(encoder));
    });
    return {
      doc,
      take(messages) {
        const answers: Uint8Array[] = [];
        for (const bytes of messages) {
          const decoder = createDecoder(bytes);
          readVarUint(decoder);
          const encoder = createEncoder();
          writeVarUint(encoder, MESSAGE_SYNC);
          sync.readSyncMessage(decoder, encoder, doc, "network");
          const answer = toUint8Array(encoder);
          if (answer.length > 1) answers.push(answer);
        }
        return answers;
      },
      said() {
        const said = outbox;
        outbox = [];
        return said;
      },
    };
  }

  const [writer, host, reader] = [open(), open(), open()];
  let told: Messages = [];
  host.doc.transact(() => {
    const things = host.doc.getMap("things");
    for (let object = 0; object < OBJECTS; object++) {
      const thing = new Map();
      things.set(String(object), thing);
      for (const [field, name] of FIELDS.entries()) thing.set(name, firstValue(object, field));
    }
  });
  for (const { doc } of [writer, reader]) applyUpdate(doc, encodeStateAsUpdate(host.doc));
  for (const end of [writer, host, reader]) end.said();

  const maps = (doc: YDoc): YMap[] =>
    Array.from({ length: OBJECTS }, (_, object) => doc.getMap("things").get(String(object)) as YMap);
  const [writers, hosts, readers] = [maps(writer.doc), maps(host.doc), maps(reader.doc)];
  const edit = (doc: YDoc, things: readonly YMap[], edits: readonly Edit[]): void =>
    doc.transact(() => {
      for (const { object, field, value } of edits) things[object]?.set(FIELDS[field] ?? "", value);
    });
  return {
    write(edits) {
      edit(writer.doc, writers, edits);
      return writer.said();
    },
    relay(sent) {
      host.take(sent);
      return told = host.said();
    },
    read(sent) {
      reader.take(sent);
      reader.said();
    },
    // The server sends the update back to its writer too, who has it.
    settle() {
      writer.take(told);
      writer.said();
    },
    change(edits) {
      edit(host.doc, hosts, edits);
      return host.said();
    },
    valueOf: ({ object, field }) => Number(readers[object]?.get(FIELDS[field] ?? "")),
    join(): Joined {
      const newcomer = open();
      const encoder = createEncoder();
      writeVarUint(encoder, MESSAGE_SYNC);
      sync.writeSyncStep1(encoder, newcomer.doc);
      const messages = host.take([toUint8Array(encoder)]);
      newcomer.take(messages);
      const things = maps(newcomer.doc);
      const valueOf = ({ object, field }: Edit): number => Number(things[object]?.get(FIELDS[field] ?? ""));
      return { messages, schemaBytes: 0, valueOf };
    },
  };
}
