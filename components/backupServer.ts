import * as net from "net";
import * as pulumi from "@pulumi/pulumi";
import { AmcryptKeys } from "./amcryptKeys";
import { BackupDirectory } from "./backupDirectory";
import { type Host } from "./host";
import { HostSetup } from "./hostSetup";
import { amandaConf, type BackupSet } from "./render/amandaConf";
import {
  type EncryptionConfig,
  type Hook,
  type MirrorConfig,
  type Namespace,
} from "./render/config/configuration";
import { crontab } from "./render/crontab";
import { type Directory, disklist } from "./render/disklist";
import { platforms } from "./render/platforms";
import { programs } from "./render/programs";
import { SshIdentity } from "./sshIdentity";

/** What a client needs to know of the server, be it in this stack or in another. */
export interface BackupServerRef {
  /** Amanda's name of the server. */
  readonly serverName: string;
  /** The address or network that the server's ssh comes from; null when that is not known. */
  readonly sourceAddress: pulumi.Input<string | null>;
  /** By this key the server reaches amandad on its clients. */
  readonly dumpPublicKey: pulumi.Input<string>;
  /** The account `enrol` on the server, with this stack's key. */
  readonly enrolment: Host;
  /** `project.stack` for which that key speaks. */
  readonly namespace: string;
  /** The sets that a directory may be in. */
  readonly sets: readonly string[];
  /** The server's family of platforms, whose dumptypes have the plain names. */
  readonly platform: string;
}

export interface BackupServerArgs {
  /** The machine. */
  host: Host;
  /** Amanda's name of the server, in its disklist and catalogue. Default: the resource's name. */
  serverName?: string;
  /**
   * The address or network from which the server reaches its clients, where its key is good for nothing from
   * elsewhere. Default: the host's address when that is an IP address, else anywhere. Needed behind address
   * translation, such as a floating IP.
   */
  sourceAddress?: string;
  /** Where the data volume is mounted: vtapes, holding disk, catalogue, ledger. Default `/srv/amanda`. */
  dataPath?: string;
  /** The sets by name. Plain values, since they decide which files exist. */
  sets: Record<string, BackupSet>;
  /** Where the vtapes are copied to. Default: nowhere, so that losing the server is losing the backups. */
  mirror?: MirrorConfig;
  /** Which amcrypt key new dumps get, and which older ones are still there. */
  encryption: EncryptionConfig;
  /** Who gets Amanda's report. Default: nobody. */
  notify?: { mail?: string };
  /** Other stacks that may enrol directories, by `project.stack`. Default: none. */
  namespaces?: Record<string, Namespace>;
  /** The server's own directories. Default: none. */
  directories?: Directory[];
  /** Scripts for the server's own directories, by name. Default: none. */
  hooks?: Record<string, Hook>;
  /** Minutes for which a change waits for a run in progress. Default 30. */
  lockWaitMinutes?: number;
}

/**
 * The backup server: keys, Amanda, a configuration a set, vtapes, schedule and mirror.
 *
 * ```ts
 * const server = new BackupServer("backup", { host, sets: { daily }, encryption: { keyId: "2026a", retiredKeyIds: [] } });
 * new BackupClient("web1", { host: web1, server, directories: ["/srv/www"] });
 * ```
 */
export class BackupServer extends pulumi.ComponentResource implements BackupServerRef {
  readonly serverName: string;
  readonly address: pulumi.Output<string>;
  readonly sourceAddress: pulumi.Output<string | null>;
  readonly hostKey: pulumi.Output<string>;
  readonly dumpPublicKey: pulumi.Output<string>;
  readonly enrolment: Host;
  readonly namespace: string;
  readonly sets: readonly string[];
  readonly platform: string;
  /** The command line that tells how the backups are. */
  readonly statusCommand: pulumi.Output<string>;
  /** True once the server was set up and its gate has passed. */
  readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: BackupServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:BackupServer", name, {}, opts);
    const { host } = args;
    this.namespace = `${pulumi.getProject()}.${pulumi.getStack()}`;
    this.serverName = args.serverName ?? name;
    this.sets = Object.keys(args.sets).sort();
    this.platform = host.platform;
    this.address = pulumi.output(host.address);
    this.sourceAddress = pulumi
      .output(args.sourceAddress ?? host.address)
      .apply((source) => (args.sourceAddress !== undefined || net.isIP(source) !== 0 ? source : null));
    this.hostKey = pulumi.output(host.hostKey);
    this.statusCommand = pulumi.interpolate`ssh ${host.user}@${host.address} sudo backupctl status`;

    const identity = (role: string, protect: boolean) =>
      new SshIdentity(`${name}-${role}`, { comment: `${this.namespace} ${role}` }, { parent: this, protect });
    const dump = identity("dump", true);
    const sign = identity("sign", true);
    const enrolment = identity("enrolment", false);
    this.dumpPublicKey = dump.publicKey;
    this.enrolment = { ...host, user: "enrol", privateKey: enrolment.privateKey };

    const { encryption } = args;
    const lockWaitMinutes = args.lockWaitMinutes ?? 30;
    const platform = platforms()[host.platform]!;
    const keys = [encryption.keyId, ...encryption.retiredKeyIds].map(
      (keyId) =>
        new AmcryptKeys(
          `${name}-amcrypt-${keyId}`,
          { host, platform, keyId, lockWaitMinutes, identities: { dump, sign } },
          { parent: this },
        ),
    );

    const directories = args.directories ?? [];
    for (const directory of directories) {
      new BackupDirectory(`${name}-${directory.name}`, { inline: directory }, { parent: this });
    }

    const files = this.files(args);
    const setup = new HostSetup(
      `${name}-setup`,
      {
        host,
        review: {
          files,
          disklist: disklist({
            namespace: this.namespace,
            fragment: this.serverName,
            client: this.serverName,
            directories,
          }),
        },
        document: {
          format: 1,
          role: "server",
          identity: host.identity,
          programs: programs("server"),
          files,
          settings: {
            stack: this.namespace,
            platform,
            name: this.serverName,
            address: host.address,
            dataPath: dataPath(args),
            sets: Object.fromEntries(Object.entries(args.sets).map(([set, facts]) => [set, setFacts(facts)])),
            encryption: { keyId: encryption.keyId },
            mirror: args.mirror ?? null,
            namespaces: {
              ...args.namespaces,
              [this.namespace]: { publicKey: enrolment.publicKey, hosts: ["*"] },
            },
            ownDirectories: directories,
            hooks: args.hooks ?? {},
            lockWaitMinutes,
            notify: args.notify ?? {},
          },
        },
      },
      { parent: this, dependsOn: keys },
    );
    this.ready = setup.stdout.apply(() => true);
    this.registerOutputs({ address: this.address, hostKey: this.hostKey, dumpPublicKey: this.dumpPublicKey });
  }

  private files(args: BackupServerArgs): Record<string, string> {
    const conf = (name: string, set: BackupSet) =>
      amandaConf({
        stack: this.namespace,
        name,
        set,
        dataPath: dataPath(args),
        keyId: args.encryption.keyId,
        mail: args.notify?.mail,
        platform: args.host.platform,
        platforms: platforms(),
      });
    return {
      "/etc/cron.d/amanda-backup": crontab(this.namespace, args.sets, args.notify?.mail),
      ...Object.fromEntries(
        Object.entries(args.sets).map(([name, set]) => [`/etc/amanda/${name}/amanda.conf`, conf(name, set)]),
      ),
    };
  }
}

function dataPath(args: BackupServerArgs): string {
  return args.dataPath ?? "/srv/amanda";
}

/** What the programs on the server need to know of a set; the rest is in amanda.conf. */
function setFacts({ tapecycle, vtapeMB, runtapes, holdingMB }: BackupSet) {
  return { tapecycle, vtapeMB, runtapes, holdingMB };
}
