// `hana mesh grant` and `hana mesh revoke`: keys for persons, who may do less than the machines of the mesh.
// Nothing is stored when a key is granted: nodes derive it from what its holder says of itself. Revoking is a list on each
// machine, so both commands say on which machine they have an effect.

import type { Command } from "@commander-js/extra-typings";
import { ACCESS_LEVELS, type AccessLevel, HanaError, isAccessLevel } from "../../lib/base/mod.ts";
import {
  type AccessGrant,
  type AccessKey,
  checkGrant,
  formatAccessCode,
  MeshKeyRing,
  revoke,
} from "../../lib/security/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { parseDuration, type RecordRendering } from "../output/mod.ts";
import { KeyStore } from "./key_store.ts";
import { meshName, timeText } from "./record.ts";
import { tellRunningNode } from "./running_node.ts";

/** Declares `hana mesh grant`. */
export function defineGrant(command: Command, cli: Cli): void {
  command.summary("let a person in").description(
    "prints an access code: whoever joins by it may look (viewer), also run what is set up (crew), or do everything (operator)",
  );
  setExamples(
    command,
    {
      call: "hana mesh grant anna --role crew",
      why: "a code for Anna's laptop; she types it after hana mesh join -",
    },
    { call: "hana mesh grant guest --role viewer --expires 7d -q", why: "the code alone, for a week" },
  );
  command
    .argument("<NAME>", "who it is for; nodes write it into their logs")
    .requiredOption("--role <ROLE>", ACCESS_LEVELS.join(", "))
    .option(
      "--expires <TIME>",
      "such as 12h or 7d, by the clock of the node that is asked; never unless given",
    )
    .action(async (name, options) => {
      const { clock } = await cli.platform();
      const grant = grantOf(name, options.role, options.expires ?? null, clock.wallMs());
      const store = await KeyStore.open(cli);
      const ring = needMesh(store, "no access key can be granted here");
      const revoked = ring.revoked.find((each) => each.name === grant.name);
      if (revoked !== undefined) {
        throw new HanaError("refused", {
          what: `${grant.name} was revoked here`,
          why: "a new key of that name would not be taken either, until the mesh key was rotated twice",
          hint: `hana mesh grant ${grant.name}2 --role ${grant.level}`,
        });
      }
      cli.output.record(grantRecord(ring, ring.primary.accessKey(grant)));
      cli.output.message(`next: hana mesh join - (on the laptop of ${grant.name}, with this code)`);
    });
}

/** Declares `hana mesh revoke`. */
export function defineRevoke(command: Command, cli: Cli): void {
  command.summary("let a person in no more").description(
    "takes no more access keys of a name on this machine; other machines need the same command",
  );
  setExamples(
    command,
    { call: "hana mesh revoke anna", why: "on each machine that Anna must not reach any more" },
    {
      call: "hana mesh rotate",
      why: "twice, on all machines: then no access key counts any more, on any of them",
    },
  );
  command.argument("<NAME>", "as it was granted").action(async (given) => {
    const name = given.normalize("NFC");
    const store = await KeyStore.open(cli);
    let isNew = false;
    const ring = store.exclusively(() => {
      const present = needMesh(store, "nobody can be revoked here");
      const revoked = revoke(present.revoked, name, present.primary.idText);
      if (revoked === present.revoked) return present;
      const changed = new MeshKeyRing(present.primary, present.previous, present.trust, revoked);
      store.save(changed);
      isNew = true;
      return changed;
    });
    const names = ring.revoked.map((each) => each.name);
    cli.output.record({
      what: "revocation",
      fields: [
        { label: "mesh", value: meshName(ring) },
        { label: "revoked", value: names.join(", "), plain: names.join(",") },
        { label: "file", value: store.path },
      ],
      quiet: names,
      json: { mesh: ring.primary.name, revoked: names, file: store.path },
    });
    if (isNew) await tellRunningNode(cli);
    cli.output.message("next: the same on every machine that must not let this name in");
  });
}

function needMesh(store: KeyStore, what: string): MeshKeyRing {
  const ring = store.loadMesh(what);
  if (ring !== null) return ring;
  throw new HanaError("refused", {
    what,
    why: "this machine has no mesh key, from which access keys are derived",
    hint: "hana mesh create",
  });
}

/** What is to be granted. Throws `usage`. */
function grantOf(name: string, role: string, expires: string | null, wallMs: number): AccessGrant {
  if (!isAccessLevel(role)) {
    throw new HanaError("usage", {
      what: `there is no role ${role}`,
      why: `roles: ${ACCESS_LEVELS.join(", ")}`,
    });
  }
  const lastsS = expires === null ? null : Math.ceil(parseDuration(expires, "--expires") / 1e6);
  if (lastsS !== null && lastsS <= 0) {
    throw new HanaError("usage", { what: "--expires 0", why: "such a key would be over already" });
  }
  const level: AccessLevel = role;
  const expiresS = lastsS === null ? null : Math.ceil(wallMs / 1000) + lastsS;
  const grant = { name: name.normalize("NFC"), level, expiresS };
  checkGrant(grant);
  return grant;
}

function grantRecord(ring: MeshKeyRing, key: AccessKey): RecordRendering {
  const code = formatAccessCode(key);
  const { name, level, expiresS } = key.grant;
  const expires = expiresS === null ? null : timeText(expiresS * 1000);
  return {
    what: "access key",
    fields: [
      { label: "mesh", value: meshName(ring) },
      { label: "holder", value: { text: name, tone: "strong" } },
      { label: "role", value: level },
      { label: "key", value: key.idText },
      { label: "expires", value: expires ?? "never", plain: expires ?? "" },
      { label: "access code", value: code },
    ],
    quiet: [code],
    json: { mesh: ring.primary.name, holder: name, role: level, key: key.idText, expires, accessCode: code },
  };
}
