import { type BackupSet } from "../amandaConf";
import { type Platform } from "../platforms";
import { encodeName } from "../text";
import { type Configuration } from "./configuration";
import { checkDirectory, checkTwice } from "./directoryChecks";
import { checkMachines } from "./machineChecks";
import { type Problems, suggestion } from "./problems";
import { WRONG } from "./section";

/** Report what is wrong between keys that are right by themselves. */
export function crossCheck(
  configuration: Configuration,
  platforms: Record<string, Platform>,
  problems: Problems,
): void {
  checkSets(configuration.sets, problems);
  checkMirror(configuration, platforms, problems);
  checkKeys(configuration, problems);
  checkMachines(configuration, problems);
  checkDirectories(configuration, problems);
}

/** Report numbers of sets that are right by themselves and not together. */
export function checkSets(sets: Record<string, BackupSet>, problems: Problems): void {
  for (const [name, { runspercycle, tapecycle, runtapes, vtapeMB, partMB }] of Object.entries(sets)) {
    const least = (runspercycle + 1) * runtapes;
    if (tapecycle < least) {
      problems.add(
        `sets.${name}.tapecycle`,
        tapecycle,
        `a run would write over full dumps that are still needed; give at least ${least}, which is ` +
          `(runspercycle ${runspercycle} + the run in progress) × runtapes ${runtapes}`,
      );
    }
    if (partMB >= vtapeMB) {
      problems.add(`sets.${name}.partMB`, partMB, `a part must be smaller than a vtape (vtapeMB ${vtapeMB})`);
    }
  }
}

function checkMirror(
  { mirror, server }: Configuration,
  platforms: Record<string, Platform>,
  problems: Problems,
): void {
  if (mirror === undefined) {
    return;
  }
  if (["root", "enrol", platforms[server.platform]?.dumpUser].includes(mirror.user)) {
    problems.add(
      "mirror.user",
      mirror.user,
      "give a user of its own: whoever writes the dumps must not reach their copy",
    );
  }
  if (mirror.path === WRONG || mirror.mount === WRONG) {
    return;
  }
  if (!isBelow(mirror.path, mirror.mount)) {
    problems.add("mirror.path", mirror.path, `it must lie below mirror.mount, ${mirror.mount}`);
  }
  if (isBelow(mirror.path, server.dataPath) || isBelow(server.dataPath, mirror.path)) {
    problems.add("mirror.path", mirror.path, `it must be apart from server.dataPath, ${server.dataPath}`);
  }
}

function isBelow(path: string, parent: string): boolean {
  return parent !== WRONG && path !== WRONG && (path === parent || path.startsWith(`${parent}/`));
}

function checkKeys({ encryption }: Configuration, problems: Problems): void {
  encryption.retiredKeyIds.forEach((keyId, index) => {
    if (keyId !== WRONG && [encryption.keyId, ...encryption.retiredKeyIds.slice(0, index)].includes(keyId)) {
      problems.add(`encryption.retiredKeyIds[${index}]`, keyId, "the id is there twice; name each key once");
    }
  });
}

function checkDirectories(configuration: Configuration, problems: Problems): void {
  const { clients, directories, server, serverDirectories } = configuration;
  const taken = new Map<string, string>();
  for (const [name, client] of Object.entries(clients)) {
    client.directories.forEach((directory, index) => {
      const key = `clients.${name}.directories[${index}]`;
      checkDirectory(Object.keys(configuration.sets), problems, {
        key,
        machine: `clients.${name}`,
        hooks: client.hooks,
        directory,
      });
      checkTwice(problems, taken, key, name, directory);
    });
  }
  directories.forEach((directory, index) => {
    const key = `directories[${index}]`;
    const { client: name } = directory;
    const client = Object.hasOwn(clients, name) ? clients[name] : undefined;
    if (client === undefined && name !== WRONG) {
      problems.add(`${key}.client`, name, `no such client; ${suggestion(name, Object.keys(clients))}`);
    }
    checkDirectory(Object.keys(configuration.sets), problems, {
      key,
      machine: `clients.${name}`,
      hooks: client === undefined ? undefined : client.hooks,
      directory,
    });
    checkTwice(problems, taken, key, name, directory);
    // The server's file of the enrolment, under the name that it has while it is written.
    if (`.${encodeName(`${name}+${directory.name}`)}.json.XXXXXXXX`.length > 255) {
      problems.add(
        `${key}.name`,
        directory.name,
        "with its special characters encoded it is too long for a file name",
      );
    }
  });
  serverDirectories.forEach((directory, index) => {
    const key = `serverDirectories[${index}]`;
    checkDirectory(Object.keys(configuration.sets), problems, {
      key,
      machine: "server",
      hooks: server.hooks,
      directory,
    });
    checkTwice(problems, taken, key, server.name, directory);
  });
}
