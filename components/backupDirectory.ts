import * as pulumi from "@pulumi/pulumi";
import { type BackupClient } from "./backupClient";
import { enrol } from "./enrolment";
import { type DirectorySpec } from "./render/config/directories";
import { VisibleError } from "./visibleError";

export interface BackupDirectoryArgs extends Omit<DirectorySpec, "name"> {
  /** The client that has the directory. */
  client?: BackupClient;
  /** Amanda's name of the disklist entry, which amrecover's `setdisk` takes. Default: `path`. */
  diskName?: string;
  /** @internal The name of one of a client's or server's own, which travel in its document without an enrolment each. */
  inline?: string;
}

/**
 * One entry of a disklist. Declared alone it has an enrolment of its own, so that any module can protect its path:
 *
 * ```ts
 * new BackupDirectory("/srv/www", { client: web1 });
 * new BackupDirectory("web1-database", { client: web1, path: "/var/backups/db", before: ["dump-db"] });
 * ```
 *
 * `path` defaults to the resource's name, `sets` to `daily`, `dumptype` to the encrypted one.
 */
export class BackupDirectory extends pulumi.ComponentResource {
  /** Amanda's name of the entry. */
  readonly diskName: string;
  /** True once the server has accepted it; of an inline directory its client's `ready` tells. */
  readonly ready?: pulumi.Output<boolean>;

  constructor(name: string, args: BackupDirectoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:BackupDirectory", name, {}, opts);
    if (args.inline !== undefined) {
      this.diskName = args.inline;
    } else {
      const { client, diskName, inline: _, ...spec } = args;
      if (client === undefined) {
        throw new VisibleError([
          `BackupDirectory ${name} names no client: give the BackupClient that has the directory`,
        ]);
      }
      const path = spec.path ?? name;
      const declared = client.declare(`BackupDirectory ${name}`, { ...spec, path, name: diskName ?? path });
      this.diskName = declared.name;
      const { clientName, server } = client;
      const what = { client: clientName, standAlone: declared.name, directories: [declared.directory] };
      this.ready = enrol(name, this, server, what, [client]).stdout.apply(() => true);
    }
    this.registerOutputs({ diskName: this.diskName });
  }
}
