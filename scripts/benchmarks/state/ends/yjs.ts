// Yjs over WebSocket: a server that has the document and passes updates on, as y-websocket's does, with the package ws.
// Decides the document: one map of faders.

import { Deferred } from "../../peers/drivers/endpoint.ts";
import { load } from "../systems/packages.ts";
import { type End, type EndOptions } from "./end.ts";

interface YMap {
  set(key: string, value: number): void;
  get(key: string): unknown;
  observe(listener: () => void): void;
}
interface YDoc {
  getMap(name: string): YMap;
  transact(act: () => void): void;
  on(event: "update", listener: (update: Uint8Array, origin: unknown) => void): void;
}
interface YjsModule {
  readonly Doc: new () => YDoc;
}
interface Socket {
  binaryType: string;
  readonly readyState: number;
  on(event: "message", listener: (bytes: Uint8Array) => void): void;
  on(event: "open" | "close", listener: () => void): void;
  send(bytes: Uint8Array): void;
  terminate(): void;
}
interface WsModule {
  readonly WebSocket: new (address: string, options: object) => Socket;
  readonly WebSocketServer: new (options: object) => {
    on(event: "connection", listener: (socket: Socket) => void): void;
    on(event: "listening", listener: () => void): void;
    address(): { readonly port: number };
    close(): void;
  };
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

const OPEN = 1;
const SYNC_STEP_2 = 1;

/** Opens one end. */
export async function openYjsEnd({ role, address, onValue }: EndOptions): Promise<End> {
  const { Doc } = await load<YjsModule>("yjs");
  const { WebSocket, WebSocketServer } = await load<WsModule>("ws");
  const encoding = await load<Encoding>("lib0/encoding");
  const decoding = await load<Decoding>("lib0/decoding");
  const sync = await load<SyncProtocol>("y-protocols/sync");
  const doc = new Doc();
  const sockets = new Set<Socket>();
  const isSynced = new Deferred();

  function message(fill: (encoder: object) => void): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 0);
    fill(encoder);
    return encoding.toUint8Array(encoder);
  }
  function add(socket: Socket): void {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("message", (bytes) => {
      const decoder = decoding.createDecoder(new Uint8Array(bytes));
      decoding.readVarUint(decoder);
      const answer = message((encoder) => {
        if (sync.readSyncMessage(decoder, encoder, doc, socket) === SYNC_STEP_2) isSynced.resolve();
      });
      if (answer.length > 1) socket.send(answer);
    });
    socket.send(message((encoder) => sync.writeSyncStep1(encoder, doc)));
  }
  doc.on("update", (update, origin) => {
    const bytes = message((encoder) => sync.writeUpdate(encoder, update));
    // A server passes an update on to all; an end tells its own alone.
    for (const socket of sockets) {
      if (socket.readyState === OPEN && (role === "host" || origin !== socket)) socket.send(bytes);
    }
  });
  const faders = doc.getMap("faders");
  if (role === "host") {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
    server.on("connection", add);
    await new Promise<void>((resolve) => server.on("listening", resolve));
    return {
      address: `ws://127.0.0.1:${server.address().port}/`,
      write: () => {},
      close: () => Promise.resolve(server.close()),
    };
  }
  const socket = new WebSocket(address, { perMessageDeflate: false });
  socket.on("open", () => add(socket));
  await isSynced.promise;
  if (role === "reader") faders.observe(() => onValue(Number(faders.get("0"))));
  return {
    address: "",
    write: (values) => doc.transact(() => values.forEach((value, fader) => faders.set(String(fader), value))),
    close: () => Promise.resolve(socket.terminate()),
  };
}
