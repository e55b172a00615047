// MQTT: Debian's mosquitto and the package `mqtt`, under Node and under Deno. A topic a channel and direction, quality
// of service 0 as for streams of values, 1 for what must arrive in large pieces. Not encrypted, by way of the broker.

import { Channel, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { Buffer } from "node:buffer";
import { load } from "./packages.ts";

/** What is used of a client. */
interface MqttClient {
  on(event: "message", listener: (topic: string, payload: Uint8Array) => void): void;
  subscribeAsync(topics: readonly string[], options: { readonly qos: 0 | 1 }): Promise<unknown>;
  publish(topic: string, payload: Uint8Array, options: { readonly qos: 0 | 1 }): void;
  endAsync(force: boolean): Promise<void>;
}

/** What is used of the package. */
interface Mqtt {
  connectAsync(
    address: string,
    options: { readonly protocolVersion: number; readonly clientId: string },
  ): Promise<MqttClient>;
}

/** Opens one end. */
export async function openMqtt(options: EndpointOptions): Promise<Endpoint> {
  const { connectAsync } = await load<Mqtt>("mqtt");
  const client = await connectAsync(`mqtt://${options.host}:${options.port}`, {
    protocolVersion: 5,
    clientId: `${options.role}-${options.index}`,
  });
  const other = options.role === "sender" ? "receiver" : "sender";
  const topics = Object.values(Channel).map((channel) => `bench/${options.role}/${channel}`);
  client.on("message", (topic, payload) => {
    options.onMessage(topic.charCodeAt(topic.length - 1) - 48, payload);
  });
  await client.subscribeAsync([`bench/${other}/+`], { qos: 1 });
  return {
    send(channel, bytes): void {
      const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      client.publish(topics[channel] ?? "", payload, { qos: channel === Channel.bulk ? 1 : 0 });
    },
    flush: () => {},
    connected: () => Promise.resolve(),
    close: () => client.endAsync(true),
  };
}
