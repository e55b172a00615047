// `hana mesh create|show|join|rotate|leave`: the key of this machine. (grant and revoke: cli/mesh/access.ts.)
// The join code is the key itself: it is printed only when asked for, and read from stdin so that it need not
// stand in a shell's history.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import {
  AccessKey,
  AccessKeyRing,
  checkMeshName,
  createMeshKey,
  isAccessCode,
  type KeyRing,
  MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  parseAccessCode,
  parseJoinCode,
  parseKeyFile,
  rotate,
} from "../../lib/security/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { EXIT } from "../output/mod.ts";
import { defineGrant, defineRevoke } from "../mesh/access.ts";
import { KeyStore } from "../mesh/key_store.ts";
import { meshName, meshRecord } from "../mesh/record.ts";
import { tellRunningNode } from "../mesh/running_node.ts";
import { readSecretFile, readSecretText } from "../mesh/secret_input.ts";

/** Declares `hana mesh`. */
export function define(command: Command, cli: Cli): void {
  command.description("the key that makes machines one mesh; without one, nodes are seen but not commanded");
  setExamples(
    command,
    { call: "hana mesh create --name tour2026", why: "on the first machine" },
    { call: "hana mesh show --reveal", why: "the join code, to type on the others" },
    { call: "hana mesh join -", why: "on every other machine; asks for the code" },
    { call: "hana mesh grant anna --role crew", why: "a code for one person's laptop, which may do less" },
  );
  defineCreate(command.command("create"), cli);
  defineShow(command.command("show"), cli);
  defineJoin(command.command("join"), cli);
  defineRotate(command.command("rotate"), cli);
  defineLeave(command.command("leave"), cli);
  defineGrant(command.command("grant"), cli);
  defineRevoke(command.command("revoke"), cli);
  for (const child of command.commands) addSettingFlags(child as Command, ["keyFile"]);
}

function defineCreate(command: Command, cli: Cli): void {
  command.summary("make a key").description("makes a mesh key; never replaces one");
  setExamples(
    command,
    { call: "hana mesh create --name tour2026", why: "a key with a name that people know it by" },
    { call: "hana mesh create && hana mesh show --reveal -q", why: "and its join code, alone on a line" },
  );
  command.option("--name <MESH>", "what the mesh is called on this machine").action(async (options) => {
    const name = options.name ?? null;
    if (name !== null) checkMeshName(name);
    const { random, clock } = await cli.platform();
    const store = await KeyStore.open(cli);
    const ring = store.exclusively(() => {
      const present = store.load();
      if (present !== null) {
        throw new HanaError("refused", {
          what: `this machine is in mesh ${meshName(present)} already`,
          why: `${store.path} holds its key, and creating another one would cut it off`,
          hint: present.kind === "access" ? "hana mesh leave --yes" : "hana mesh rotate",
        });
      }
      const made = new MeshKeyRing(createMeshKey(random.stream("mesh key"), name, clock.wallMs()), null);
      store.save(made);
      return made;
    });
    cli.output.record(meshRecord(ring, store.path));
    await tellRunningNode(cli);
    cli.output.message(
      "next: hana mesh show --reveal (here), hana mesh join - (on every other machine)",
    );
  });
}

function defineShow(command: Command, cli: Cli): void {
  command.summary("the key of this machine").description(
    "the mesh of this machine; exit code 1 when it has no key",
  );
  setExamples(
    command,
    { call: "hana mesh show", why: "compare the fingerprint between machines" },
    { call: "hana mesh show --reveal -q", why: "the join code alone; whoever reads it is in the mesh" },
  );
  command.option("--reveal", "show the join code, which is the key itself").action(async (options) => {
    const store = await KeyStore.open(cli);
    const ring = store.load();
    if (ring?.kind === "access" && options.reveal === true) {
      store.loadMesh("this machine has no join code to show");
    }
    cli.output.record(meshRecord(ring ?? openMeshKeyRing(), store.path, { reveal: options.reveal === true }));
    if (ring === null) {
      cli.output.message("this machine has no mesh key: other nodes see it, and nobody may command it");
      cli.output.message("try: hana mesh create (first machine), hana mesh join - (every other machine)");
      cli.exitWith(EXIT.negative);
    }
  });
}

function defineJoin(command: Command, cli: Cli): void {
  command.summary("take over a key").description(
    "puts this machine into the mesh of a join code, or lets its user in by an access code",
  );
  setExamples(
    command,
    { call: "hana mesh join -", why: "asks for the code, or reads it from a pipe" },
    { call: "hana mesh join --from /media/usb/mesh.key", why: "a key file, or a file that holds the code" },
  );
  command
    .argument("[CODE]", "the join code or access code, or - to read it from stdin")
    .option("--from <FILE>", "read a key file or a code from here")
    .option("--name <MESH>", "what the mesh is called on this machine")
    .action(async (code, options) => {
      const name = options.name ?? null;
      if (name !== null) checkMeshName(name);
      const key = await givenKey(cli, code, options.from, name);
      const store = await KeyStore.open(cli);
      let isNew = false;
      const ring = store.exclusively(() => {
        const present = store.load();
        // Joining twice is what a script does that runs twice.
        if (present !== null && isSameKey(present, key)) return present;
        if (present !== null) throw inAnotherMesh(present, store.path);
        const joined = key instanceof AccessKey ? new AccessKeyRing(key) : new MeshKeyRing(key, null);
        store.save(joined);
        isNew = true;
        return joined;
      });
      cli.output.record(meshRecord(ring, store.path));
      if (isNew) await tellRunningNode(cli);
    });
}

function defineRotate(command: Command, cli: Cli): void {
  command.summary("change the key").description(
    "makes a new key and keeps the old one for machines that have not heard of it; rotate twice to end the old one",
  );
  setExamples(
    command,
    { call: "hana mesh rotate", why: "on one machine; prints the new join code" },
    { call: "hana mesh rotate --join -", why: "on every other machine; asks for that code" },
  );
  command.option("--join <CODE>", "take over the new key of another machine; - reads it from stdin")
    .action(async (options) => {
      const { random, clock } = await cli.platform();
      const store = await KeyStore.open(cli);
      const given = options.join === undefined ? null : await readSecretText(cli, options.join);
      let isNew = false;
      const ring = store.exclusively(() => {
        const present = store.loadMesh("this machine has no mesh key to rotate") ?? openMeshKeyRing();
        const { name } = present.primary;
        const key = given === null
          ? createMeshKey(random.stream("mesh key"), name, clock.wallMs())
          : parseJoinCode(given, name);
        if (given !== null && present.find(key.id) === present.primary) return present;
        const rotated = rotate(present, key);
        store.save(rotated);
        isNew = true;
        return rotated;
      });
      cli.output.record(meshRecord(ring, store.path, { reveal: given === null }));
      if (isNew) await tellRunningNode(cli);
      if (given === null) {
        cli.output.message("next: hana mesh rotate --join - (on every other machine, with this code)");
      }
    });
}

function defineLeave(command: Command, cli: Cli): void {
  command.summary("forget the key").description("removes the key of this machine");
  setExamples(
    command,
    { call: "hana mesh leave --yes", why: "only another machine can give the key back" },
    { call: "hana mesh leave --yes && hana mesh join -", why: "change over to another mesh" },
  );
  command.option("--yes", "really remove the key").action(async (options) => {
    const store = await KeyStore.open(cli);
    if (options.yes !== true) {
      throw new HanaError("usage", {
        what: `leaving would remove ${store.path}`,
        why: "only another machine of the mesh can give that key back",
        hint: "hana mesh leave --yes",
      });
    }
    const removed = store.exclusively(() => store.remove());
    if (!removed) {
      throw new HanaError("not-found", {
        what: "no mesh to leave",
        why: `there is no ${store.path}`,
        hint: "hana mesh show",
      });
    }
    cli.output.record(meshRecord(openMeshKeyRing(), store.path));
    await tellRunningNode(cli);
  });
}

async function givenKey(
  cli: Cli,
  code: string | undefined,
  from: string | undefined,
  name: string | null,
): Promise<MeshKey | AccessKey> {
  if ((code === undefined) === (from === undefined)) {
    throw new HanaError("usage", {
      what: code === undefined ? "no join code given" : "a code and --from together",
      why: "a key comes from one place: a code, - for stdin, or --from FILE",
      hint: "hana mesh join -",
    });
  }
  if (code !== undefined) return parseCode(await readSecretText(cli, code), name);
  const path = from ?? "";
  const text = await readSecretFile(path);
  if (!text.startsWith("hana mesh key")) return parseCode(text.trim(), name);
  const { primary } = parseKeyFile(text, path);
  if (name === null) return primary;
  if (primary instanceof MeshKey) return new MeshKey(primary.exportSecret(), name, primary.createdWallMs);
  const { secret, querySecret } = primary.exportSecrets();
  return new AccessKey(primary.id, primary.grant, secret, querySecret, name);
}

function parseCode(text: string, name: string | null): MeshKey | AccessKey {
  return isAccessCode(text) ? parseAccessCode(text, name) : parseJoinCode(text, name);
}

/** Whether a machine that joins by `key` has what it asks for. */
function isSameKey(present: KeyRing, key: MeshKey | AccessKey): boolean {
  if (key instanceof MeshKey) return present.kind === "mesh" && present.find(key.id) === present.primary;
  if (present.kind === "mesh") return false;
  const { name, level, expiresS } = present.grant;
  const { grant } = key;
  return present.primary.idText === key.idText && grant.name === name && grant.level === level &&
    grant.expiresS === expiresS;
}

function inAnotherMesh(present: KeyRing, path: string): HanaError {
  const what = `this machine is in mesh ${meshName(present)} already`;
  if (present.kind === "mesh") {
    return new HanaError("refused", {
      what,
      why: `${path} holds another key, ${present.primary.fingerprint}`,
      hint: "hana mesh rotate --join - (if the mesh got a new key), hana mesh leave --yes (to change over)",
    });
  }
  const { name, level } = present.grant;
  return new HanaError("refused", {
    what,
    why: `${path} holds the access key of ${name} (${level})`,
    hint: "hana mesh leave --yes (then join once more)",
  });
}
