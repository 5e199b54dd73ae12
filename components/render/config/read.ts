import { type BackupSet } from "../amandaConf";
import { type Platform } from "../platforms";
import * as checks from "./checks";
import {
  type Configuration,
  type EncryptionConfig,
  type MirrorConfig,
  type ServerConfig,
} from "./configuration";
import { crossCheck } from "./crossChecks";
import { cronSchedule } from "./cron";
import { ownDirectories, readDirectory, readHooks, readStandAlone } from "./directories";
import { CLIENT_KEYS, MachineReader, SERVER_KEYS } from "./machines";
import { network } from "./networks";
import { Problems, suggestion } from "./problems";
import { Section } from "./section";

/** The keys of a stack's configuration, as Pulumi.yaml declares them, without the secret ones. */
export const KEYS = [
  "openstack",
  "server",
  "sets",
  "mirror",
  "encryption",
  "clients",
  "directories",
  "serverDirectories",
  "notify",
  "namespaces",
];

/** Keys whose values are secret: they are read apart, so that no message can show them. */
export const SECRET_KEYS = ["sshPrivateKey"];

const SET_KEYS = [
  "schedule",
  "dumpcycle",
  "runspercycle",
  "tapecycle",
  "runtapes",
  "vtapeMB",
  "partMB",
  "holdingMB",
  "inparallel",
  "maxpromoteday",
];

/**
 * Read the configuration. `raw` holds what the stack file says under each of KEYS; `given` are the names of all
 * keys that the stack file has, so that a mistyped one is found.
 * Returns the configuration, and every mistake as one sentence; with a mistake the configuration is not to be used.
 */
export function readConfiguration(
  raw: Record<string, unknown>,
  platforms: Record<string, Platform>,
  given: readonly string[] = Object.keys(raw),
): { configuration: Configuration; mistakes: string[] } {
  const problems = new Problems();
  const known = [...KEYS, ...SECRET_KEYS];
  for (const key of given.filter((name) => !known.includes(name))) {
    problems.sentences.push(`${key} is no key of this program: ${suggestion(key, known)}`);
  }
  const root = new Section(problems, "", raw);
  const machines = new MachineReader(root, Object.keys(platforms));
  const server = readServer(root, machines);
  const clients = root
    .named("clients", checks.hostName, [...CLIENT_KEYS, "directories", "hooks"])
    .map(([name, section]) => {
      const directories = section
        .items("directories")
        .map((item, index) => readDirectory(problems, `${section.at("directories")}[${index}]`, item));
      return [name, { ...machines.client(section), directories, hooks: readHooks(section) }] as const;
    });
  const configuration: Configuration = {
    openstack: machines.common(),
    bastion: machines.bastion(),
    server,
    sets: readSets(root),
    mirror: root.has("mirror") ? readMirror(root) : undefined,
    encryption: readEncryption(root),
    clients: Object.fromEntries(clients),
    directories: root.items("directories").map((item, index) => {
      return readStandAlone(problems, `directories[${index}]`, item);
    }),
    serverDirectories: root
      .items("serverDirectories")
      .map((item, index) => readDirectory(problems, `serverDirectories[${index}]`, item, true)),
    notify: { mail: root.section("notify", ["mail"]).optional("mail", checks.mailAddress) },
    namespaces: Object.fromEntries(
      root.named("namespaces", checks.namespaceName, ["publicKey", "hosts"]).map(([name, section]) => {
        const publicKey = section.text(
          "publicKey",
          "give the public key with which that stack enrols",
          checks.publicKey,
        );
        return [name, { publicKey, hosts: section.texts("hosts", checks.hostOrNetwork) }];
      }),
    ),
  };
  if (!root.has("serverDirectories")) {
    configuration.serverDirectories = ownDirectories(Object.keys(configuration.sets));
  }
  crossCheck(configuration, platforms, problems);
  return { configuration, mistakes: problems.sentences };
}

function readServer(root: Section, machines: MachineReader): ServerConfig {
  const keys = [...SERVER_KEYS, "name", "sourceAddress", "dataPath", "lockWaitMinutes", "hooks"];
  const section = root.section("server", keys);
  return {
    ...machines.server(section),
    name: section.textOr("name", "backup", checks.hostName),
    sourceAddress: section.optional("sourceAddress", network),
    dataPath: section.textOr("dataPath", "/srv/amanda", checks.simplePath),
    lockWaitMinutes: section.whole("lockWaitMinutes", "in minutes", { min: 0, max: 60, default: 30 }),
    hooks: readHooks(section),
  };
}

function readSets(root: Section): Record<string, BackupSet> {
  const sections = root.named("sets", checks.setName, SET_KEYS);
  if (!root.has("sets") || sections.length === 0) {
    root.problems.missing("sets", "declare at least one set, such as daily with its vtapeMB");
  }
  const entries = sections.map(([name, section]) => {
    const dumpcycle = section.whole("dumpcycle", "in days", { min: 1, max: 365, default: 7 });
    const runspercycle = section.whole("runspercycle", "the runs in a dumpcycle", {
      min: 1,
      max: 1000,
      default: dumpcycle,
    });
    const runtapes = section.whole("runtapes", "the most vtapes a run may write", {
      min: 1,
      max: 99,
      default: 2,
    });
    const vtapeMB = section.whole("vtapeMB", "the size of a vtape in MB", { min: 2, max: 2 ** 24 });
    const set: BackupSet = {
      schedule: section.textOr("schedule", "45 0 * * *", cronSchedule),
      dumpcycle,
      runspercycle,
      tapecycle: section.whole("tapecycle", "the number of vtapes", {
        min: 2,
        max: 999,
        default: (runspercycle + 1) * runtapes,
      }),
      runtapes,
      vtapeMB,
      partMB: section.whole("partMB", "in MB", { min: 1, default: Math.max(1, Math.floor(vtapeMB / 4)) }),
      holdingMB: section.whole("holdingMB", "in MB", { min: 1, max: 2 ** 30, default: vtapeMB * runtapes }),
      inparallel: section.whole("inparallel", "dumps at the same time", { min: 1, max: 63, default: 4 }),
      maxpromoteday: section.has("maxpromoteday")
        ? section.whole("maxpromoteday", "in days", { min: 0, max: 10000 })
        : undefined,
    };
    return [name, set] as const;
  });
  return Object.fromEntries(entries);
}

function readMirror(root: Section): MirrorConfig {
  const section = root.section("mirror", ["user", "path", "mount", "fstype", "keepDays"]);
  return {
    user: section.text("user", "give the account that may write to the storage", checks.userName),
    path: section.text("path", "give the folder on the storage that receives the copy", checks.simplePath),
    mount: section.text("mount", "give the mount point below which `path` lies", checks.simplePath),
    fstype: section.text(
      "fstype",
      "give the type that `findmnt` shows for it, such as nfs4",
      checks.fileSystemType,
    ),
    keepDays: section.whole("keepDays", "in days", { min: 1, max: 36500, default: 30 }),
  };
}

function readEncryption(root: Section): EncryptionConfig {
  const section = root.section("encryption", ["keyId", "retiredKeyIds"]);
  return {
    keyId: section.text("keyId", "name the key that encrypts new dumps, such as 2026a", checks.keyId),
    retiredKeyIds: section.texts("retiredKeyIds", checks.keyId),
  };
}
