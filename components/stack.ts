import * as pulumi from "@pulumi/pulumi";
import { BackupClient } from "./backupClient";
import { BackupDirectory } from "./backupDirectory";
import { BackupServer } from "./backupServer";
import { type StackConfiguration } from "./config";
import { type LookUps } from "./lookUps";
import { Machines } from "./machines";
import { sorted } from "./render/text";
import { type ServerFacts } from "./stackServer";

/** What the stack gives out: an API for other stacks, with nothing secret in it. */
export interface StackOutputs {
  /** Where the backup server is. */
  serverAddress: pulumi.Output<string>;
  /** The server's ssh host key, to pin. */
  serverHostKey: pulumi.Output<string>;
  /** The key by which the server reaches amandad on a client, and nothing else there. */
  dumpPublicKey: pulumi.Output<string>;
  /** What other stacks need to enrol, for `BackupServer.fromStack`. */
  backupServer: pulumi.Output<ServerFacts>;
  /** The names of the sets. */
  sets: readonly string[];
  /** Client to Amanda's names of its directories. */
  clients: Record<string, string[]>;
  /** Where the mirror is on the server, or null. */
  mirrorPath: string | null;
  /** The command line that tells how the backups are. */
  statusCommand: pulumi.Output<string>;
  /** True once every gate of this `up` has passed. */
  ready: pulumi.Output<boolean>;
}

/** Declare everything that a stack's configuration asks for. `found` is what the cloud knows of it. */
export function backupStack(config: StackConfiguration, found: LookUps): StackOutputs {
  const machines = new Machines(config, found);
  const { name: serverName, sourceAddress, dataPath, lockWaitMinutes, hooks } = config.server;
  // The keys hang from the resource's name, so it is not the configured one, which may change.
  const server = new BackupServer("backup", {
    serverName,
    host: machines.server("backup"),
    sourceAddress,
    dataPath,
    lockWaitMinutes,
    hooks,
    sets: config.sets,
    mirror: config.mirror,
    encryption: config.encryption,
    notify: config.notify,
    namespaces: config.namespaces,
    directories: config.serverDirectories,
  });

  const clients = new Map(
    sorted(Object.keys(config.clients)).map((name) => {
      const { directories, hooks } = config.clients[name]!;
      return [name, new BackupClient(name, { host: machines.client(name), server, directories, hooks })];
    }),
  );

  const standAlone = config.directories.map(
    ({ client, name: diskName, ...directory }) =>
      new BackupDirectory(`${client}+${diskName}`, { client: clients.get(client), diskName, ...directory }),
  );

  return {
    serverAddress: server.address,
    serverHostKey: server.hostKey,
    dumpPublicKey: server.dumpPublicKey,
    backupServer: server.facts(),
    sets: server.sets,
    clients: Object.fromEntries([...clients].map(([name, client]) => [name, sorted(client.diskNames)])),
    mirrorPath: config.mirror?.path ?? null,
    statusCommand: server.statusCommand,
    ready: pulumi
      .all([server, ...clients.values(), ...standAlone].map((part) => part.ready!))
      .apply(() => true),
  };
}
