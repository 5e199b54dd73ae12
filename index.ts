import * as pulumi from "@pulumi/pulumi";
import { BackupClient } from "./components/backupClient";
import { BackupDirectory } from "./components/backupDirectory";
import { BackupServer } from "./components/backupServer";
import { stackConfiguration } from "./components/config";
import { ExistingHost } from "./components/host";
import { type HostConfig } from "./components/render/config/configuration";
import { sorted } from "./components/render/text";

const config = stackConfiguration();

const host = (machine: HostConfig) => new ExistingHost({ ...machine, privateKey: config.sshPrivateKey });

const server = new BackupServer(config.server.name, {
  host: host(config.server),
  sourceAddress: config.server.sourceAddress,
  dataPath: config.server.dataPath,
  lockWaitMinutes: config.server.lockWaitMinutes,
  hooks: config.server.hooks,
  sets: config.sets,
  mirror: config.mirror,
  encryption: config.encryption,
  notify: config.notify,
  namespaces: config.namespaces,
  directories: config.serverDirectories,
});

const backupClients = Object.fromEntries(
  sorted(Object.keys(config.clients)).map((name) => {
    const { directories, hooks, ...machine } = config.clients[name]!;
    return [name, new BackupClient(name, { host: host(machine), server, directories, hooks })];
  }),
);

const standAlone = config.directories.map(({ client, name: diskName, ...directory }) => {
  return new BackupDirectory(`${client}+${diskName}`, {
    client: backupClients[client]!,
    diskName,
    ...directory,
  });
});

/** Where the backup server is. */
export const serverAddress = server.address;
/** The server's ssh host key, to pin. */
export const serverHostKey = server.hostKey;
/** The key by which the server reaches amandad on a client. */
export const dumpPublicKey = server.dumpPublicKey;
/** The names of the sets. */
export const sets = server.sets;
/** Client to names of its directories. */
export const clients = Object.fromEntries(
  Object.entries(backupClients).map(([name, client]) => [name, sorted(client.diskNames)]),
);
/** Where the mirror is, or null. */
export const mirrorPath = config.mirror?.path ?? null;
/** The command line that tells how the backups are. */
export const statusCommand = server.statusCommand;
/** True once every gate of this `up` has passed. */
export const ready = pulumi
  .all([server, ...Object.values(backupClients), ...standAlone].map((part) => part.ready!))
  .apply(() => true);
