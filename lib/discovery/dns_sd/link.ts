// A network that DNS-SD speaks on, as far as it matters here.

import type { LinkInterface } from "../endpoint.ts";

/** One address of one interface. `port` is that of hana's own socket there, 0 while it is not known. */
export type DnsLink = Pick<LinkInterface, "key" | "name" | "address" | "prefix" | "loopback" | "port">;
