// Automerge, its changes sent as they are and relayed by a host that has the document too.
// Decides the shape of the document: a map of objects. Numbers are floats of eight bytes there.

import { type Edit, FIELDS, firstValue, OBJECTS } from "../edits.ts";
import { load } from "./packages.ts";
import type { Joined, Messages, SharedSystem } from "./system.ts";

type Doc = { readonly things: Record<string, Record<string, unknown>> };
interface AutomergePackage {
  from(initial: unknown): Doc;
  change(doc: Doc, act: (doc: Doc) => void): Doc;
  clone(doc: Doc): Doc;
  getLastLocalChange(doc: Doc): Uint8Array | undefined;
  applyChanges(doc: Doc, changes: Messages): [Doc];
  save(doc: Doc): Uint8Array;
  load(bytes: Uint8Array): Doc;
}

/** Opens Automerge. */
export async function openAutomerge(): Promise<SharedSystem> {
  const automerge = await load<AutomergePackage>("@automerge/automerge");
  const things = Object.fromEntries(Array.from({ length: OBJECTS }, (_, object) => [
    String(object),
    Object.fromEntries(FIELDS.map((name, field) => [name, firstValue(object, field)])),
  ]));
  let host = automerge.from({ things });
  let writer = automerge.clone(host);
  let reader = automerge.clone(host);
  const edit = (doc: Doc, edits: readonly Edit[]): Doc =>
    automerge.change(doc, (mine) => {
      for (const { object, field, value } of edits) {
        const thing = mine.things[String(object)];
        if (thing !== undefined) thing[FIELDS[field] ?? ""] = value;
      }
    });
  const last = (doc: Doc): Messages => {
    const change = automerge.getLastLocalChange(doc);
    return change === undefined ? [] : [change];
  };
  const valueIn = (doc: Doc, { object, field }: Edit): number =>
    Number(doc.things[String(object)]?.[FIELDS[field] ?? ""]);
  return {
    write(edits) {
      writer = edit(writer, edits);
      return last(writer);
    },
    relay(sent) {
      [host] = automerge.applyChanges(host, sent);
      return sent;
    },
    read(sent) {
      [reader] = automerge.applyChanges(reader, sent);
    },
    settle() {},
    change(edits) {
      host = edit(host, edits);
      return last(host);
    },
    valueOf: (edit) => valueIn(reader, edit),
    join(): Joined {
      const bytes = automerge.save(host);
      const newcomer = automerge.load(bytes);
      return { messages: [bytes], schemaBytes: 0, valueOf: (edit) => valueIn(newcomer, edit) };
    },
  };
}
