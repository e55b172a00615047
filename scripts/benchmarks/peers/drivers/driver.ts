// The drivers' entry: which file drives which peer. Runs under Deno from source, or bundled beside npm packages.

import process from "node:process";
import { drive, type Task } from "./drive.ts";
import type { OpenEndpoint } from "./endpoint.ts";
import { openMqtt } from "./mqtt.ts";
import { openNats } from "./nats.ts";
import { openRawDatagrams } from "./raw_datagrams.ts";
import { openRawStream } from "./raw_stream.ts";
import { openDenoWebSocket } from "./websocket_deno.ts";
import { openNodeWebSocket } from "./websocket_node.ts";
import { openZeroMq } from "./zeromq.ts";

const DRIVERS: Readonly<Record<string, OpenEndpoint>> = {
  "raw-datagrams": openRawDatagrams,
  "raw-stream": openRawStream,
  "websocket-deno": openDenoWebSocket,
  "websocket-node": openNodeWebSocket,
  nats: openNats,
  mqtt: openMqtt,
  zeromq: openZeroMq,
};

const [name = "", task = "{}"] = process.argv.slice(2);
const open = DRIVERS[name];
if (open === undefined) throw new Error(`there is no driver ${name}`);
await drive(open, JSON.parse(task) as Task);
