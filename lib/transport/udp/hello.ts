// What both ends of a handshake over datagrams say of themselves, sealed: u8 lane protocol version · u8 zero ·
// u16 longest ack delay in units of 16 µs · extensions, each u8 type · u8 length · bytes.
// Decides form alone. Extensions that are not known are skipped by whoever reads them, so that later versions can add.

/** The longest hello in bytes: two of them sealed and all the rest fit a handshake of 1,200 bytes. */
export const MAX_HELLO_BYTES = 256;

const HEAD_BYTES = 4;
const DELAY_UNIT_US = 16;
const MAX_DELAY_UNITS = 0xffff;

/** Something more that an end says. */
export interface HelloExtension {
  /** 0 to 255; what it means is the owner's. */
  readonly type: number;
  /** At most 255 bytes. */
  readonly bytes: Uint8Array;
}

/** What an end says of itself. */
export interface UdpHello {
  /** The version of the lane protocol, 0 to 255. */
  readonly laneVersion: number;
  /** The longest that it waits with an acknowledgement, in µs; as told, a multiple of 16 up to 1.05 s. */
  readonly maxAckDelayUs: number;
  readonly extensions: readonly HelloExtension[];
}

/** The bytes of a hello; null when it is too long. */
export function encodeHello(hello: UdpHello): Uint8Array | null {
  let length = HEAD_BYTES;
  for (const { bytes } of hello.extensions) {
    if (bytes.length > 255) return null;
    length += 2 + bytes.length;
  }
  if (length > MAX_HELLO_BYTES) return null;
  const bytes = new Uint8Array(length);
  const units = Math.min(MAX_DELAY_UNITS, Math.ceil(hello.maxAckDelayUs / DELAY_UNIT_US));
  bytes[0] = hello.laneVersion;
  bytes[2] = units >> 8;
  bytes[3] = units;
  let at = HEAD_BYTES;
  for (const extension of hello.extensions) {
    bytes[at] = extension.type;
    bytes[at + 1] = extension.bytes.length;
    bytes.set(extension.bytes, at + 2);
    at += 2 + extension.bytes.length;
  }
  return bytes;
}

/** Reads a hello; null when it is none. */
export function decodeHello(bytes: Uint8Array): UdpHello | null {
  if (bytes.length < HEAD_BYTES || bytes.length > MAX_HELLO_BYTES || bytes[1] !== 0) return null;
  const extensions: HelloExtension[] = [];
  for (let at = HEAD_BYTES; at < bytes.length;) {
    const type = bytes[at] ?? 0;
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return null;
    extensions.push({ type, bytes: bytes.slice(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return {
    laneVersion: bytes[0] ?? 0,
    maxAckDelayUs: (((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) * DELAY_UNIT_US,
    extensions,
  };
}
