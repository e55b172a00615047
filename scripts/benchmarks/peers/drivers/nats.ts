// NATS: Debian's nats-server and the client `@nats-io/transport-node`, under Node and under Deno. A subject a channel
// and direction, core NATS: at most once, by way of the server. Not encrypted.

import { Channel, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { load } from "./packages.ts";

/** What is used of a connection. */
interface NatsConnection {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(
    subject: string,
    options: { readonly callback: (error: Error | null, message: { readonly data: Uint8Array }) => void },
  ): unknown;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** What is used of the package. */
interface Nats {
  connect(options: { readonly servers: string; readonly noEcho: true }): Promise<NatsConnection>;
}

/** Opens one end. */
export async function openNats(options: EndpointOptions): Promise<Endpoint> {
  const { connect } = await load<Nats>("@nats-io/transport-node");
  const connection = await connect({ servers: `nats://${options.host}:${options.port}`, noEcho: true });
  const subject = (from: string, channel: number): string => `bench.${from}.${channel}`;
  const other = options.role === "sender" ? "receiver" : "sender";
  const own = Object.values(Channel).map((channel) => subject(options.role, channel));
  for (const channel of Object.values(Channel)) {
    connection.subscribe(subject(other, channel), {
      callback(error, { data }): void {
        if (error !== null) throw error;
        options.onMessage(channel, data);
      },
    });
  }
  await connection.flush();
  return {
    send: (channel, bytes) => connection.publish(own[channel] ?? "", bytes),
    flush: () => {},
    connected: () => Promise.resolve(),
    close: () => connection.close(),
  };
}
