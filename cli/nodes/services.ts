// `hana discover --all-services`: what announces itself by DNS-SD on this network, nodes of hana and other show gear.
// Decides how long is looked and how a service is shown; needs no mesh, no key and no running node.

import { HanaError } from "../../lib/base/mod.ts";
import {
  chooseInterfaces,
  type DnsSdEvent,
  DnsSdService,
  type ServiceView,
  SHOW_SERVICES,
} from "../../lib/discovery/mod.ts";
import type { Cli } from "../frame/mod.ts";
import {
  counted,
  EXIT,
  type JsonObject,
  type Rendering,
  Watch,
  type WatchOp,
  whileRead,
} from "../output/mod.ts";

/** How long is looked unless told otherwise: two questions, and answers that came a little late. */
const DEFAULT_TIMEOUT_US = 2_000_000;

/** Lists services, once or for as long as somebody watches. */
export async function listServices(cli: Cli, options: { readonly watch: boolean }): Promise<void> {
  const startedMs = performance.now();
  const rendering = servicesRendering(() => Math.round(performance.now() - startedMs));
  const platform = await cli.platform();
  const only = cli.settings.interface.length === 0 ? null : cli.settings.interface;
  const service = new DnsSdService(platform, {
    links: () => chooseInterfaces(platform.interfaces.list(), { only }).map((link) => ({ ...link, port: 0 })),
    types: Object.keys(SHOW_SERVICES),
    browsesAll: true,
  });
  const view = options.watch ? await Watch.open(cli.output, rendering) : null;
  const over = Promise.withResolvers<void>();
  service.onEvent((event) => {
    if (view !== null) show(view, event, over.resolve);
  });
  service.start();
  try {
    const [problem] = service.problems;
    if (problem !== undefined) throw problem.error;
    if (service.links.length === 0) throw noLink();
    await (view === null ? list(cli, service, rendering) : watch(cli, view, over.promise, over.resolve));
  } finally {
    view?.close();
    await service.stop();
  }
}

async function list(cli: Cli, service: DnsSdService, rendering: Rendering<ServiceView>): Promise<void> {
  const progress = cli.output.progress("listening for services");
  await wait(cli.settings.timeout ?? DEFAULT_TIMEOUT_US);
  progress.done();
  const services = [...service.services].sort(byTypeAndName);
  await cli.output.rows(rendering, services);
  if (services.length > 0) return;
  cli.output.message("nothing announces itself by DNS-SD here");
  cli.exitWith(EXIT.negative);
}

async function watch(
  cli: Cli,
  view: Watch<ServiceView>,
  over: Promise<void>,
  end: () => void,
): Promise<void> {
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    end();
  });
  const { timeout } = cli.settings;
  const timers = [
    setTimeout(() => whileRead(() => view.sync(), end), DEFAULT_TIMEOUT_US / 1000),
    ...(timeout === null ? [] : [setTimeout(end, timeout / 1000)]),
  ];
  await over;
  timers.forEach(clearTimeout);
}

const OPS: Readonly<Record<"added" | "updated" | "removed", WatchOp>> = {
  added: "add",
  updated: "update",
  removed: "remove",
};

function show(view: Watch<ServiceView>, event: DnsSdEvent, end: () => void): void {
  if ("op" in event) whileRead(() => view.change(OPS[event.op], event.service), end);
}

function wait(us: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, us / 1000));
}

function noLink(): HanaError {
  return new HanaError("network-unusable", {
    what: "no network interface to listen on",
    why: "services are announced on networks, and this machine has none now",
    hint: "ip address",
  });
}

function byTypeAndName(a: ServiceView, b: ServiceView): number {
  if (a.type === b.type) return a.instance < b.instance ? -1 : a.instance > b.instance ? 1 : 0;
  return a.type < b.type ? -1 : 1;
}

/** How services are shown. `elapsedMs` says how long looking took. */
export function servicesRendering(elapsedMs: () => number): Rendering<ServiceView> {
  return {
    what: "services",
    row: "service",
    id: (service) => service.instance,
    key: (service) => service.name,
    order: byTypeAndName,
    columns: [
      { header: "NAME", cell: (service) => service.instance, shrinks: true },
      { header: "TYPE", cell: (service) => service.type },
      { header: "HOST", cell: (service) => service.host, spare: 2 },
      { header: "ADDRESS", cell: (service) => service.addresses.join(" ") },
      { header: "PORT", cell: (service) => service.port === 0 ? null : service.port, align: "right" },
      { header: "TXT", cell: textOf, shrinks: true, spare: 1 },
    ],
    json: serviceJson,
    document: (services) => ({
      services: services.map(serviceJson),
      summary: { total: services.length, elapsedMs: elapsedMs() },
    }),
    summary: (services) => {
      const types = new Set(services.map(({ type }) => type)).size;
      return `${counted(services.length, "service")} of ${counted(types, "type")}`;
    },
  };
}

function textOf({ text }: ServiceView): string {
  return Object.entries(text).map(([key, value]) => value === "" ? key : `${key}=${value}`).join(" ");
}

function serviceJson({ instance, type, host, port, addresses, text }: ServiceView): JsonObject {
  return { name: instance, type, host, addresses: [...addresses], port, txt: { ...text } };
}
