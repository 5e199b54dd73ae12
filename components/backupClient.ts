import * as pulumi from "@pulumi/pulumi";
import { BackupDirectory } from "./backupDirectory";
import { type BackupServerRef, whenKnown } from "./backupServerRef";
import { enrol } from "./enrolment";
import { type Host } from "./host";
import { hostDocument } from "./hostDocument";
import { HostSetup } from "./hostSetup";
import { type Hook } from "./render/config/configuration";
import { checkDirectory, checkSetsOf, checkTwice } from "./render/config/directoryChecks";
import { type DirectorySpec, readDirectory } from "./render/config/directories";
import { Problems } from "./render/config/problems";
import { type Directory } from "./render/disklist";
import { dumptypeSuffix } from "./render/dumptypes";
import { platformOf } from "./render/platforms";
import { refuse } from "./visibleError";

export interface BackupClientArgs {
  /** The machine. */
  host: Host;
  /** The server that dumps it. */
  server: BackupServerRef;
  /** Amanda's name of the client, in disklist and catalogue: renaming it begins a new history. Default: the resource's name. */
  clientName?: string;
  /** What to dump: absolute paths, or paths with sets, patterns and hooks. They share one enrolment. Default: none. */
  directories?: (DirectorySpec | string)[];
  /** Scripts that directories may name in `before` and `after`. Default: none. */
  hooks?: Record<string, Hook>;
}

/** @internal A directory that has passed what can be checked; its dumptype may depend on another stack. */
export interface Declared {
  name: string;
  directory: Directory | pulumi.Output<Directory>;
}

/**
 * A machine that the server dumps: user, forced command and hooks on it, and its entries in the server's disklists.
 * Two ssh commands, however many directories.
 *
 * ```ts
 * new BackupClient("web1", { host, server, directories: ["/srv/www", { path: "/home", exclude: ["./cache"] }] });
 * ```
 */
export class BackupClient extends pulumi.ComponentResource {
  readonly clientName: string;
  readonly server: BackupServerRef;
  /** Amanda's names of the entries declared so far. */
  readonly diskNames: string[] = [];
  /** True once the client is set up and the server has accepted it. */
  readonly ready: pulumi.Output<boolean>;

  private readonly host: Host;
  private readonly hooks: Record<string, Hook>;
  private readonly taken = new Map<string, string>();

  constructor(name: string, args: BackupClientArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:BackupClient", name, {}, opts);
    this.clientName = args.clientName ?? name;
    this.server = args.server;
    this.host = args.host;
    this.hooks = args.hooks ?? {};

    const directories = (args.directories ?? []).map((spec, index) =>
      this.declare(`BackupClient ${name} directories[${index}]`, spec),
    );
    for (const directory of directories) {
      new BackupDirectory(`${name}+${directory.name}`, { inline: directory.name }, { parent: this });
    }
    const setup = this.setUp(name);
    const { hostKey } = args.host;
    const address = args.host.internalAddress ?? args.host.address;
    const enrolment = enrol(
      name,
      this,
      this.server,
      {
        client: this.clientName,
        reach: { address, hostKey },
        directories: directories.map(({ directory }) => directory),
      },
      // The server's gate asks the client, so both must be set up.
      [setup, ...(pulumi.Resource.isInstance(this.server) ? [this.server] : [])],
    );
    this.ready = pulumi.all([setup.stdout, enrolment.stdout]).apply(() => true);
    this.registerOutputs({ clientName: this.clientName });
  }

  /** @internal Check a directory of this client's, and take its name. `key` says where a mistake is. */
  declare(key: string, spec: DirectorySpec | string): Declared {
    const problems = new Problems();
    const directory = readDirectory(problems, key, spec);
    const machine = this.clientName;
    const { platform, sets } = this.server;
    const known = pulumi.Output.isInstance(sets) ? undefined : sets;
    checkDirectory(known, problems, { key, machine, hooks: this.hooks, directory });
    checkTwice(problems, this.taken, key, machine, directory);
    refuse(problems);
    this.diskNames.push(directory.name);
    const checked = whenKnown(sets, (names) => inSets(names, key, directory));
    const typed = whenKnown(checked, (one) =>
      whenKnown(platform, (family) => {
        const suffix = dumptypeSuffix(this.host.platform, family);
        return { ...one, dumptype: `${one.dumptype}${suffix}` };
      }),
    );
    return { name: directory.name, directory: typed as Directory | pulumi.Output<Directory> };
  }

  private setUp(name: string): HostSetup {
    const { host, server } = this;
    return new HostSetup(
      `${name}-setup`,
      {
        host,
        document: hostDocument(host, "client", {
          settings: {
            platform: platformOf(host.platform),
            name: this.clientName,
            serverAddress: server.sourceAddress,
            dumpPublicKey: server.dumpPublicKey,
            hooks: this.hooks,
          },
        }),
        review: {
          hooks: Object.fromEntries(Object.entries(this.hooks).map(([hook, { script }]) => [hook, script])),
        },
      },
      { parent: this },
    );
  }
}

/** @internal The directory, when all of its sets are among these; else a VisibleError. */
export function inSets(known: readonly string[], key: string, directory: Directory): Directory {
  const problems = new Problems();
  checkSetsOf(known, problems, { key, directory });
  refuse(problems);
  return directory;
}
