// What a receiving socket's kernel buffer holds, in bytes of payload: a reader that stalls loses all above it.
// Linux charges a datagram by the memory that it occupies, not by its length: 2,304 B for one of 1,200 B.
// Decides an estimate and never more: the peer's buffer cannot be asked for.

/** `net.core.rmem_default` of Linux. Deno cannot set a larger one (research section 1). */
export const KERNEL_BUFFER_BYTES = 212_992;

/** Memory for its header that a datagram occupies besides the block of its bytes. */
const HEADER_BYTES = 256;
/** What stands in the block beside the payload: IP and UDP headers, room for the driver, the shared tail. */
const BLOCK_OVERHEAD_BYTES = 400;

/** The memory that a Linux kernel charges a socket for a datagram of `bytes` of payload. */
export function chargedBytes(bytes: number): number {
  let block = 512;
  while (block < bytes + BLOCK_OVERHEAD_BYTES) block *= 2;
  return block + HEADER_BYTES;
}

/** How many bytes of payload a buffer of `bufferBytes` holds when they come in datagrams of `datagramBytes`. */
export function heldBytes(bufferBytes: number, datagramBytes: number): number {
  return Math.max(1, Math.floor(bufferBytes / chargedBytes(datagramBytes))) * datagramBytes;
}
