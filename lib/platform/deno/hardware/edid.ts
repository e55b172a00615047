// EDID: the 128 bytes by which a display says what it is (VESA E-EDID Standard, Release A Rev. 2, section 3).
// Decides name, preferred mode and size from them; a block that is damaged or says nothing is null. Reads no file.

/** What a display says of itself. */
export interface Edid {
  /** The maker's three letters of PNP ("DEL", "SAM"). */
  readonly vendor: string;
  /** As the maker calls it; null where it does not say. */
  readonly name: string | null;
  /** The preferred mode; null where there is none. */
  readonly mode: DisplayMode | null;
  /** Size of the picture in millimetres; null for projectors and for those that do not say. */
  readonly sizeMm: { readonly width: number; readonly height: number } | null;
}

/** A mode in pixels and frames (fields, when interlaced) a second. */
export interface DisplayMode {
  readonly width: number;
  readonly height: number;
  readonly refreshHz: number;
}

const BLOCK_BYTES = 128;
const HEADER = [0, 255, 255, 255, 255, 255, 255, 0];
/** Four descriptors of 18 bytes: timings, or texts with a tag. */
const DESCRIPTORS = [54, 72, 90, 108];
const DESCRIPTOR_BYTES = 18;
const NAME_TAG = 0xfc;

/** Reads the base block. Null unless its header and its checksum are right. */
export function parseEdid(bytes: Uint8Array): Edid | null {
  if (bytes.length < BLOCK_BYTES || HEADER.some((byte, at) => bytes[at] !== byte)) return null;
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum = (sum + byteAt(bytes, at)) & 255;
  if (sum !== 0) return null;
  let name: string | null = null;
  let mode: DisplayMode | null = null;
  let sizeMm: Edid["sizeMm"] = null;
  for (const at of DESCRIPTORS) {
    const block = bytes.subarray(at, at + DESCRIPTOR_BYTES);
    if (byteAt(block, 0) === 0 && byteAt(block, 1) === 0) {
      if (byteAt(block, 3) === NAME_TAG) name ??= textOf(block.subarray(5));
    } else if (mode === null) {
      // The first timing is the preferred one (3.10.1).
      mode = modeOf(block);
      sizeMm = sizeOf(block);
    }
  }
  return { vendor: vendorOf(bytes), name, mode, sizeMm };
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Three letters of five bits each, `A` being 1. */
function vendorOf(bytes: Uint8Array): string {
  const packed = byteAt(bytes, 8) << 8 | byteAt(bytes, 9);
  return [10, 5, 0].map((shift) => String.fromCharCode(64 + (packed >> shift & 31))).join("");
}

/** A text ends with a line feed and is filled with blanks. Other than printable ASCII is left out. */
function textOf(bytes: Uint8Array): string | null {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0x0a || byte === 0) break;
    if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
  }
  text = text.trim();
  return text === "" ? null : text;
}

function modeOf(timing: Uint8Array): DisplayMode | null {
  const clockHz = (byteAt(timing, 0) | byteAt(timing, 1) << 8) * 10_000;
  const width = byteAt(timing, 2) | (byteAt(timing, 4) & 0xf0) << 4;
  const lines = byteAt(timing, 5) | (byteAt(timing, 7) & 0xf0) << 4;
  const total = (width + (byteAt(timing, 3) | (byteAt(timing, 4) & 0x0f) << 8)) *
    (lines + (byteAt(timing, 6) | (byteAt(timing, 7) & 0x0f) << 8));
  if (clockHz === 0 || width === 0 || lines === 0) return null;
  const isInterlaced = (byteAt(timing, 17) & 0x80) !== 0;
  return {
    width,
    // The lines of an interlaced timing are those of one field.
    height: isInterlaced ? lines * 2 : lines,
    refreshHz: Math.round(clockHz / total * 100) / 100,
  };
}

function sizeOf(timing: Uint8Array): Edid["sizeMm"] {
  const width = byteAt(timing, 12) | (byteAt(timing, 14) & 0xf0) << 4;
  const height = byteAt(timing, 13) | (byteAt(timing, 14) & 0x0f) << 8;
  return width === 0 || height === 0 ? null : { width, height };
}
