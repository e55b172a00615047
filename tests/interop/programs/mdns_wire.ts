// What goes over the wire on port 5353, and words put on it by hand.
// mdns_wire.ts tap ADDR                       prints each message that comes in on the interface with this address
// mdns_wire.ts ask ADDR NAME [KNOWN TTL]      asks for the PTR records of a name, with one answer that it knows
// mdns_wire.ts hold                           holds the port and shares it with nobody
// A line is JSON: when in ms, who from, and the message with its records as text.

// deno-lint-ignore-file no-console

import {
  decodeMessage,
  type DnsMessage,
  MessageWriter,
  type ResourceRecord,
  TYPE,
} from "../../../lib/discovery/dns_sd/mod.ts";

const GROUP = "224.0.0.251";
const PORT = 5353;
const [verb, address = "", name = "", known, ttl = "0"] = Deno.args;

switch (verb) {
  case "tap":
    await tap();
    break;
  case "ask":
    await ask();
    break;
  case "hold":
    Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: PORT });
    console.log("ready");
    setInterval(() => {}, 1_000_000);
    break;
  default:
    Deno.exit(2);
}

async function tap(): Promise<void> {
  const socket = listen("0.0.0.0");
  await socket.joinMulticastV4(GROUP, address);
  console.log("ready");
  for (;;) {
    const [bytes, from] = await socket.receive();
    const message = decodeMessage(bytes);
    const said = typeof message === "string" ? { refused: message } : textOf(message);
    console.log(JSON.stringify({ ms: performance.now(), from: (from as Deno.NetAddr).hostname, ...said }));
  }
}

async function ask(): Promise<void> {
  const writer = new MessageWriter({ isResponse: false });
  writer.canAddQuestion({ name, type: TYPE.ptr, class: 1, wantsUnicast: false });
  if (known !== undefined) {
    const data = { type: TYPE.ptr, target: known };
    writer.canAddRecord("answer", { name, class: 1, isFlush: false, ttlS: Number(ttl), data });
  }
  const socket = listen(address);
  await socket.send(writer.finish(), { transport: "udp", hostname: GROUP, port: PORT });
  socket.close();
}

function listen(hostname: string): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname, port: PORT, reuseAddress: true, loopback: true });
}

function textOf(message: DnsMessage): Record<string, unknown> {
  const lines = (records: readonly ResourceRecord[]): string[] =>
    records.map(({ name, ttlS, isFlush, data }) => {
      const what = "port" in data
        ? `${data.target}:${data.port}`
        : "target" in data
        ? data.target
        : "address" in data
        ? data.address
        : "";
      return `${name} ${data.type} ${ttlS}${isFlush ? " flush" : ""} ${what}`.trim();
    });
  return {
    response: message.isResponse,
    questions: message.questions.map((each) => `${each.name} ${each.type}${each.wantsUnicast ? " QU" : ""}`),
    answers: lines(message.answers),
    authorities: lines(message.authorities),
    additionals: lines(message.additionals),
  };
}
