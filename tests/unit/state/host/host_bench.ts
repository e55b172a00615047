// What a thirtieth of a second costs a host: every client writes its sixteen faders, every client hears of all.
// `deno bench -A tests/unit/state/host/host_bench.ts`; a tenth of 33 ms is 10 % of a core.

import type { LinkNumber } from "../../../../lib/state/holding/mod.ts";
import { MessageDecoder, MessageEncoder } from "../../../../lib/state/messages/mod.ts";
import type { ClientSequence, PathId } from "../../../../lib/state/model/mod.ts";
import { isRefusal } from "../../../../lib/state/schema/mod.ts";
import { Bench, helloOf, parameter, peerOf } from "./support.ts";

const FADERS = 16;

/** Clients of whom `writers` write; a call of the result is one frame. */
function wall(clients: number, writers: number): () => void {
  const bench = new Bench();
  const { host } = bench;
  const ids: PathId[] = [];
  for (let at = 0; at < clients * FADERS; at++) {
    const defined = host.define(
      bench.nowUs,
      parameter(`desk-${Math.floor(at / FADERS)}/fader-${at % FADERS}`),
    );
    if (!isRefusal(defined)) ids.push(defined.id);
  }
  for (let link = 1; link <= clients; link++) {
    host.handleJoined(bench.nowUs, link as LinkNumber, peerOf(link));
    bench.say(link, helloOf());
  }
  bench.drain();
  const [encoder, decoder] = [new MessageEncoder(), new MessageDecoder()];
  let frame = 0;
  return () => {
    frame++;
    for (let link = 1; link <= writers; link++) {
      const entries = Array.from({ length: FADERS }, (_, fader) => {
        const id = ids[(link - 1) * FADERS + fader] ?? (0 as PathId);
        return { id, type: "f32" as const, value: (frame + fader) % 1_000, winner: null };
      });
      const sequence = frame as ClientSequence;
      const rest = { term: 1, priority: 100, take: false, momentary: false, generation: null, entries };
      const bytes = encoder.encode({ kind: "set", sequence, ...rest });
      const message = bytes === null ? "" : decoder.decode(bytes);
      if (typeof message !== "string") host.handleMessage(bench.nowUs, link as LinkNumber, message);
    }
    while (host.poll() !== null);
    for (let link = 1; link <= clients; link++) bench.acknowledge(link);
    bench.nowUs += 33_334;
    host.handleDeadline(bench.nowUs);
  };
}

Deno.bench("100 clients, all write 16 faders", wall(100, 100));
Deno.bench("100 clients, 5 write 16 faders", wall(100, 5));
Deno.bench("10 clients, all write 16 faders", wall(10, 10));
