// Ways to break a rule of the node from outside, for tests that must see it caught: platforms that misbehave.

import {
  createBodyCodec,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  type Header,
  type Kind,
  KIND_NUMBERS,
  type Message,
} from "../../lib/discovery/mod.ts";
import { DatagramAuthenticator } from "../../lib/security/mod.ts";
import { keyRingOf } from "../../lib/simulate/mod.ts";
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

const codec = createBodyCodec();

/** A datagram of discovery, opened by the mesh's key; null for what is none. */
export function readDatagram(bytes: Uint8Array): Datagram | null {
  const read = decodeDatagram(bytes, tagOf(bytes), codec, new DatagramAuthenticator(keyRingOf(0)));
  return typeof read === "string" ? null : read;
}

/** The same datagram with another message or header, signed anew by the mesh's key: what a member could send. */
export function rewritten(
  bytes: Uint8Array,
  { header, message }: Datagram,
  change: { readonly message?: Message; readonly header?: Partial<Header> },
): Uint8Array {
  const seal = new DatagramAuthenticator(keyRingOf(0));
  return encodeDatagram(
    { ...header, ...change.header },
    change.message ?? message,
    tagOf(bytes),
    codec,
    seal,
  );
}

function tagOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(4);
}

/** A platform on which time goes on `factor` times as slowly once `isSlow` says so. */
export function slowed(platform: Platform, factor: number, isSlow: () => boolean): Platform {
  const { clock, timers } = platform;
  let fromUs = Infinity;
  const toOwn = (us: number): number => us < fromUs ? us : fromUs + Math.floor((us - fromUs) / factor);
  const toTrue = (us: number): number => us < fromUs ? us : fromUs + (us - fromUs) * factor;
  return {
    ...platform,
    clock: {
      nowUs: () => {
        const nowUs = clock.nowUs();
        if (fromUs === Infinity && isSlow()) fromUs = nowUs;
        return toOwn(nowUs);
      },
      wallMs: () => clock.wallMs(),
    },
    timers: {
      schedule: (atUs, callback) => timers.schedule(Math.ceil(toTrue(atUs)), callback),
      defer: (callback) => timers.defer(callback),
    },
  };
}

/** A platform whose datagrams pass `take` before the node sees them, and `give` before they leave. */
export function withDatagrams(
  platform: Platform,
  taps: {
    /** False drops a datagram, other bytes replace it. */
    take?(bytes: Uint8Array): boolean | Uint8Array;
    give?(bytes: Uint8Array): boolean | Uint8Array;
  },
): Platform {
  return {
    ...platform,
    datagrams: {
      bind: (options, handlers) => {
        const wrapped: DatagramHandlers = {
          onDatagram: (bytes, from) => {
            const taken = taps.take?.(bytes) ?? true;
            if (taken !== false) handlers.onDatagram(taken === true ? bytes : taken, from);
          },
          onError: (error) => handlers.onError(error),
        };
        const socket = platform.datagrams.bind(options, wrapped);
        return {
          local: socket.local,
          stats: socket.stats,
          send: (bytes, to) => {
            const given = taps.give?.(bytes) ?? true;
            if (given !== false) socket.send(given === true ? bytes : given, to);
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

const LANES_KEY = new TextEncoder().encode("lanes");

/**
 * A stream on which nobody offers packets of lanes, as to a peer from before them: payloads travel plain then, and
 * nothing but the stream keeps their order. For streams that are not sealed.
 */
export function withoutLanes(stream: ByteStream): ByteStream {
  return {
    local: stream.local,
    remote: stream.remote,
    open: (handlers) =>
      stream.open({
        onData: (bytes) => handlers.onData(withoutOffer(bytes)),
        onWritten: () => handlers.onWritten(),
        onEnd: () => handlers.onEnd(),
        onClose: (error) => handlers.onClose(error),
      }),
    write: (bytes) => stream.write(withoutOffer(bytes)),
    closeWrite: () => stream.closeWrite(),
    abort: () => stream.abort(),
    pauseReading: () => stream.pauseReading(),
    resumeReading: () => stream.resumeReading(),
  };
}

/** Gives the offer in a greeting a name that nobody reads. */
function withoutOffer(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((_byte, start) => LANES_KEY.every((byte, i) => bytes[start + i] === byte));
  if (at < 0) return bytes;
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 0x20;
  return copy;
}
