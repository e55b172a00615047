// The wall clock in microseconds, as programs in C read it: `Date` has milliseconds only.

const CLOCK_REALTIME = 0;
const libc = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
const spec = new BigInt64Array(2);

/** Microseconds since 1970. */
export function wallUs(): number {
  libc.symbols.clock_gettime(CLOCK_REALTIME, spec);
  return Number(spec[0]) * 1e6 + Number(spec[1]) / 1000;
}
