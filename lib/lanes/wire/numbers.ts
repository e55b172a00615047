// Numbers of packets and messages: below 2^53 at both ends, their low 32 bits on the wire.
// Decides which full number a truncated one stands for; never whether that number is welcome.

/**
 * The full number whose low 32 bits are `truncated` and that is nearest to `expected`: the lower one of two that are
 * as near, the next higher one where that would be negative (after RFC 9000 appendix A.3, which takes the higher).
 *
 * @param truncated the number on the wire, 0 … 2^32 − 1
 * @param expected the number that would come next, 0 … 2^53 − 2^31 − 1
 */
export function expand32(truncated: number, expected: number): number {
  // The distance modulo 2^32 as a signed number: `| 0` reads it as −2^31 … 2^31 − 1.
  const number = expected + ((truncated - (expected >>> 0)) | 0);
  return number < 0 ? number + 0x1_0000_0000 : number;
}
