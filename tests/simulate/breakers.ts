// Ways to break a rule of the node from outside, for tests that must see it caught: platforms that misbehave.

import { type Kind, KIND_NUMBERS } from "../../lib/discovery/mod.ts";
import type {
  ByteStream,
  DatagramHandlers,
  Platform,
  StreamHandlers,
  Streams,
} from "../../lib/platform/mod.ts";

/** The kind of a datagram of discovery; null for anything else. */
export function kindOf(bytes: Uint8Array): Kind | null {
  const number = (bytes[3] ?? 0) & 0x3f;
  const found = Object.entries(KIND_NUMBERS).find(([, each]) => each === number);
  return found === undefined ? null : found[0] as Kind;
}

/** The id of whoever sends a datagram of discovery, as hex. */
export function senderOf(bytes: Uint8Array): string {
  return [...bytes.subarray(8, 24)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A platform whose datagrams pass `take` before the node sees them, and `give` before they leave. */
export function withDatagrams(
  platform: Platform,
  taps: {
    take?(bytes: Uint8Array): boolean;
    give?(bytes: Uint8Array): boolean;
  },
): Platform {
  return {
    ...platform,
    datagrams: {
      bind: (options, handlers) => {
        const wrapped: DatagramHandlers = {
          onDatagram: (bytes, from) => {
            if (taps.take?.(bytes) !== false) handlers.onDatagram(bytes, from);
          },
          onError: (error) => handlers.onError(error),
        };
        const socket = platform.datagrams.bind(options, wrapped);
        return {
          local: socket.local,
          stats: socket.stats,
          send: (bytes, to) => {
            if (taps.give?.(bytes) !== false) socket.send(bytes, to);
          },
          join: (group, address) => socket.join(group, address),
          leave: (group, address) => socket.leave(group, address),
          close: () => socket.close(),
        };
      },
    },
  };
}

/** A platform whose streams are wrapped as they open. */
export function withStreams(platform: Platform, wrap: (stream: ByteStream) => ByteStream): Platform {
  const { streams } = platform;
  const wrapped: Streams = {
    listen: (address, handlers) =>
      streams.listen(address, {
        onStream: (stream) => handlers.onStream(wrap(stream)),
        onError: (error) => handlers.onError(error),
      }),
    connect: async (address, options) => wrap(await streams.connect(address, options)),
  };
  return { ...platform, streams: wrapped };
}

/** Swaps every `everyNth` write with the one that follows it, once the greeting is over. */
export function swapping(
  stream: ByteStream,
  platform: Platform,
  everyNth: number,
  greeting: number,
): ByteStream {
  let writes = 0;
  let kept: Uint8Array | null = null;
  let handlers: StreamHandlers | null = null;
  return {
    local: stream.local,
    remote: stream.remote,
    open: (given) => stream.open(handlers = given),
    write: (bytes) => {
      writes++;
      if (kept !== null) {
        const both = new Uint8Array(bytes.length + kept.length);
        both.set(bytes);
        both.set(kept, bytes.length);
        kept = null;
        stream.write(both);
      } else if (writes > greeting && writes % everyNth === 0) {
        kept = bytes.slice();
        platform.timers.defer(() => handlers?.onWritten());
      } else stream.write(bytes);
    },
    closeWrite: () => stream.closeWrite(),
    abort: () => stream.abort(),
    pauseReading: () => stream.pauseReading(),
    resumeReading: () => stream.resumeReading(),
  };
}
