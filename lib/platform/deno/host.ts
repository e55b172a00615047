// Facts of this machine and process, read once.

import { HanaError } from "../../base/mod.ts";
import type { Host, OperatingSystem } from "../mod.ts";

function operatingSystem(): OperatingSystem {
  const os = Deno.build.os;
  if (os === "linux" || os === "darwin" || os === "windows") return os;
  throw new HanaError("unsupported", {
    what: `operating system ${os}`,
    why: "hana ships for Linux, macOS and Windows",
  });
}

/** Reads the facts. Throws `unsupported` on an operating system that hana does not ship for. */
export function readHost(): Host {
  const os = operatingSystem();
  return {
    hostname: Deno.hostname(),
    processId: Deno.pid,
    userId: os === "windows" ? null : Deno.uid(),
    os,
    arch: Deno.build.arch === "aarch64" ? "aarch64" : "x86_64",
    logicalCpus: navigator.hardwareConcurrency,
  };
}
