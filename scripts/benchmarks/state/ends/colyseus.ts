// Colyseus: its server with one room over its WebSocket transport, and its own client at both ends.
// Decides the rhythm of patches: thirty a second, as hana has; its default is twenty.

import { Deferred } from "../../peers/drivers/endpoint.ts";
import { load } from "../systems/packages.ts";
import { type End, type EndOptions, FADERS } from "./end.ts";

const PATCH_MS = 1_000 / 30;

interface CoreModule {
  readonly Server: new (options: object) => {
    define(name: string, room: unknown): void;
    listen(port: number, host: string): Promise<void>;
    gracefullyShutdown(exit: boolean): Promise<void>;
  };
  readonly Room: new () => {
    patchRate: number;
    onMessage(kind: string, take: (client: unknown, values: readonly number[]) => void): void;
  };
}
interface SchemaModule {
  readonly t: { float32(): unknown; array(of: unknown): unknown };
  schema(fields: Record<string, unknown>, name: string): new () => Record<string, number>;
}
interface SdkModule {
  readonly Client: new (address: string) => {
    joinOrCreate(name: string): Promise<{
      send(kind: string, values: readonly number[]): void;
      onStateChange(listener: (state: Record<string, number>) => void): void;
      leave(): Promise<unknown>;
    }>;
  };
}

const nameOf = (fader: number): string => `f${fader}`;

/** Opens one end. */
export async function openColyseusEnd({ role, address, onValue }: EndOptions): Promise<End> {
  if (role === "host") return await openHost();
  const { Client } = await load<SdkModule>("@colyseus/sdk");
  const room = await new Client(address).joinOrCreate("desk");
  let last: number | undefined;
  const isThere = new Deferred();
  room.onStateChange((state) => {
    isThere.resolve();
    const value = state[nameOf(0)];
    if (role !== "reader" || value === undefined || value === last) return;
    if (last !== undefined) onValue(value);
    last = value;
  });
  await isThere.promise;
  return {
    address: "",
    write: (values) => room.send("set", values),
    close: async () => void await room.leave(),
  };
}

async function openHost(): Promise<End> {
  const { Server, Room } = await load<CoreModule>("@colyseus/core");
  const { WebSocketTransport } = await load<{ WebSocketTransport: new () => object }>(
    "@colyseus/ws-transport",
  );
  const { schema, t } = await load<SchemaModule>("@colyseus/schema");
  const fields = Array.from(
    { length: FADERS },
    (_, fader): [string, unknown] => [nameOf(fader), t.float32()],
  );
  const State = schema(Object.fromEntries(fields), "Desk");
  class DeskRoom extends Room {
    readonly state = new State();

    onCreate(): void {
      for (let fader = 0; fader < FADERS; fader++) this.state[nameOf(fader)] = 0;
      this.patchRate = PATCH_MS;
      this.onMessage("set", (_, values) => {
        for (let fader = 0; fader < values.length; fader++) this.state[nameOf(fader)] = values[fader] ?? 0;
      });
    }
  }
  const server = new Server({ transport: new WebSocketTransport(), greet: false });
  server.define("desk", DeskRoom);
  const port = freePort();
  await server.listen(port, "127.0.0.1");
  return {
    address: `ws://127.0.0.1:${port}`,
    write: () => {},
    close: () => server.gracefullyShutdown(false),
  };
}

/** A port that most likely nobody has. */
function freePort(): number {
  return 20_000 + Math.floor(Math.random() * 10_000);
}
