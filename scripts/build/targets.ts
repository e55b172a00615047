// The machines that hana is compiled for, and how an executable of each is recognised by its head.
// Never downloads or writes anything.

/** Target names, as Deno and Rust spell them. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-pc-windows-msvc",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
] as const;

/** A machine that hana is compiled for. */
export type Target = typeof TARGETS[number];

/** Whether `text` names a target. */
export function isTarget(text: string): text is Target {
  return (TARGETS as readonly string[]).includes(text);
}

/** The name of the result in `dist/`. */
export function artifactName(target: Target): string {
  return `hana-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** The target whose machine runs an executable that begins with `head` (4 KiB are enough), null if none of ours. */
export function targetOfExecutable(head: Uint8Array): Target | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 64) return null;
  if (view.getUint32(0) === 0x7f454c46) { // ELF: e_machine at 18 (System V ABI, "ELF header")
    const machine = view.getUint16(18, true);
    if (machine === 0x3e) return "x86_64-unknown-linux-gnu";
    if (machine === 0xb7) return "aarch64-unknown-linux-gnu";
  } else if (view.getUint16(0) === 0x4d5a) { // PE: Machine behind the signature at e_lfanew (PE format, "COFF header")
    const at = view.getUint32(0x3c, true);
    if (at + 6 <= view.byteLength && view.getUint16(at + 4, true) === 0x8664) return "x86_64-pc-windows-msvc";
  } else if (view.getUint32(0, true) === 0xfeedfacf) { // Mach-O 64: cputype (mach-o/loader.h)
    const cpu = view.getUint32(4, true);
    if (cpu === 0x01000007) return "x86_64-apple-darwin";
    if (cpu === 0x0100000c) return "aarch64-apple-darwin";
  }
  return null;
}

/**
 * Where an ELF file ends as its own header tells: behind the table of sections, which the linker puts last.
 * Anything after it was appended. Throws on a head that is no 64-bit ELF.
 */
export function elfEnd(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2) throw new Error("not a 64-bit ELF file");
  const sectionsAt = Number(view.getBigUint64(0x28, true));
  return sectionsAt + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}
