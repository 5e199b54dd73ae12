import { BackupClient } from "../../components/backupClient";
import { BackupDirectory } from "../../components/backupDirectory";
import { BackupServer, type BackupServerArgs } from "../../components/backupServer";
import { ExistingHost } from "../../components/host";
import { SET } from "../templates/example";

/** Real public keys, whose private halves nobody has. */
export const HOST_KEYS = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZnCOAq49T/R6J5bUTZZTyS32u7bsOF3YrzeL1",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJs0baB4TTusro+cwOi3zlSwSwRDFcgWv9JsGE7W6umb",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII4C0rS5nFSvxbbW7CxiGTrNdvHe1DNVc+Dcl4PSnBhD",
] as const;

export const ADMIN_KEY =
  "-----BEGIN OPENSSH PRIVATE KEY-----\nthe-administrators-own\n-----END OPENSSH PRIVATE KEY-----\n";

export const host = (index: 0 | 1 | 2, more = {}) =>
  new ExistingHost({
    address: `192.0.2.${10 + index}`,
    user: "debian",
    privateKey: ADMIN_KEY,
    hostKey: HOST_KEYS[index],
    ...more,
  });

export const server = (args: Partial<BackupServerArgs> = {}) =>
  new BackupServer("backup1", {
    host: host(0),
    sets: { daily: SET },
    encryption: { keyId: "2026a", retiredKeyIds: [] },
    directories: [
      {
        name: "/etc/amanda",
        path: "/etc/amanda",
        sets: ["daily"],
        dumptype: "encrypt-gnutar-local",
        exclude: [],
        include: [],
        before: [],
        after: [],
      },
    ],
    ...args,
  });

/** A server, two clients with inline directories and one stand-alone directory. */
export function exampleStack() {
  const backup = server();
  const web1 = new BackupClient("web1", {
    host: host(1),
    server: backup,
    directories: ["/srv/www", "/home"],
  });
  const db1 = new BackupClient("db1", {
    host: host(2),
    server: backup,
    directories: [{ path: "/var/backups/db", before: ["dump-db"] }],
    hooks: { "dump-db": { user: "postgres", script: "#!/bin/sh\ntrue\n" } },
  });
  const etc = new BackupDirectory("/etc", { client: web1 });
  return { backup, web1, db1, etc };
}
