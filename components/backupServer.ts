import * as net from "net";
import * as pulumi from "@pulumi/pulumi";
import { AmcryptKeys } from "./amcryptKeys";
import { BackupDirectory } from "./backupDirectory";
import { type BackupServerRef } from "./backupServerRef";
import { type Host } from "./host";
import { hostDocument } from "./hostDocument";
import { HostSetup } from "./hostSetup";
import { type BackupSet } from "./render/amandaConf";
import { type Hook, type MirrorConfig, type Namespace } from "./render/config/configuration";
import { namespaceName } from "./render/config/checks";
import { checkSets } from "./render/config/crossChecks";
import { Problems } from "./render/config/problems";
import { type Directory, disklist, inOrder } from "./render/disklist";
import { platformOf, platforms } from "./render/platforms";
import { serverFiles, setFacts } from "./render/serverFiles";
import { sorted } from "./render/text";
import { SshIdentity } from "./sshIdentity";
import { type FromStackArgs, serverFromStack, type ServerFacts } from "./stackServer";
import { refuse } from "./visibleError";

export interface BackupServerArgs {
  /** The machine. */
  host: Host;
  /** Amanda's name of the server, in its disklist and catalogue. Default: the resource's name. */
  serverName?: string;
  /**
   * The address or network from which the server reaches its clients, where its key is good for nothing from
   * elsewhere. Default: the host's internal address when that is an IP address, else anywhere. Needed behind address
   * translation that the host does not know of.
   */
  sourceAddress?: string;
  /** Where the data volume is mounted: vtapes, holding disk, catalogue, ledger. Default `/srv/amanda`. */
  dataPath?: string;
  /** The sets by name. Plain values, since they decide which files exist. */
  sets: Record<string, BackupSet>;
  /** Where the vtapes are copied to. Default: nowhere, so that losing the server is losing the backups. */
  mirror?: MirrorConfig;
  /** The id of the amcrypt key that new dumps get, such as `2026a`, and the ids of older ones that are still needed. */
  encryption: { keyId: string; retiredKeyIds?: string[] };
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
 * const server = new BackupServer("backup", { host, sets: { daily }, encryption: { keyId: "2026a" } });
 * new BackupClient("web1", { host: web1, server, directories: ["/srv/www"] });
 * ```
 */
export class BackupServer extends pulumi.ComponentResource implements BackupServerRef {
  /**
   * The backup server that another stack has made, for clients and directories of this one:
   *
   * ```ts
   * const key = new SshIdentity("enrolment", { comment: "webshop.prod" });
   * const stack = new pulumi.StackReference("organization/amanda-backup/prod");
   * const server = BackupServer.fromStack(stack, { enrolmentKey: key.privateKey });
   * new BackupClient("shop1", { host, server, directories: ["/srv/shop"] });
   * ```
   *
   * Its configuration must list the key's public half: `namespaces`, under `PROJECT.STACK` of this program.
   */
  static fromStack(stack: pulumi.StackReference, args: FromStackArgs): BackupServerRef {
    return serverFromStack(stack, args);
  }

  readonly serverName: string;
  readonly address: pulumi.Output<string>;
  readonly sourceAddress: pulumi.Output<string | null>;
  readonly hostKey: pulumi.Output<string>;
  readonly dumpPublicKey: pulumi.Output<string>;
  readonly enrolment: BackupServerRef["enrolment"];
  readonly namespace: string;
  readonly sets: readonly string[];
  readonly platform: string;
  /** The command line that tells how the backups are. */
  readonly statusCommand: pulumi.Output<string>;
  /** True once the server was set up and its gate has passed. */
  readonly ready: pulumi.Output<boolean>;

  private readonly args: Required<Pick<BackupServerArgs, "dataPath" | "directories" | "lockWaitMinutes">> &
    BackupServerArgs;

  constructor(name: string, args: BackupServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:BackupServer", name, {}, opts);
    const { host } = args;
    this.args = {
      ...args,
      dataPath: args.dataPath ?? "/srv/amanda",
      directories: args.directories ?? [],
      lockWaitMinutes: args.lockWaitMinutes ?? 30,
    };
    this.namespace = `${pulumi.getProject()}.${pulumi.getStack()}`;
    this.serverName = args.serverName ?? name;
    this.sets = sorted(Object.keys(args.sets));
    this.platform = host.platform;
    this.address = pulumi.output(host.address);
    this.sourceAddress = pulumi
      .output(args.sourceAddress ?? host.internalAddress ?? host.address)
      .apply((source) => (args.sourceAddress !== undefined || net.isIP(source) !== 0 ? source : null));
    this.hostKey = pulumi.output(host.hostKey);
    const jump =
      host.proxy &&
      pulumi.interpolate`-J ${host.proxy.user}@${host.proxy.address}${otherPort(host.proxy, ":")} `;
    this.statusCommand = pulumi.interpolate`ssh ${jump ?? ""}${otherPort(host, "-p ", " ")}${host.user}@${host.address} sudo backupctl status`;
    this.check();

    const dump = this.identity(`${name}-dump`, { protect: true });
    const sign = this.identity(`${name}-sign`, { protect: true });
    const enrolment = this.identity(`${name}-enrolment`);
    this.dumpPublicKey = dump.publicKey;
    const { address, hostKey, port, proxy } = host;
    this.enrolment = {
      address,
      hostKey,
      // What a resize changes is no reason to enrol anew.
      identity: pulumi
        .output(host.identity)
        .apply(({ generation, instance, image }) => ({ generation, instance, image })),
      port,
      proxy,
      user: "enrol",
      privateKey: enrolment.privateKey,
    };
    const keys = this.keys(name, { dump, sign });
    for (const directory of this.args.directories) {
      new BackupDirectory(`${name}+${directory.name}`, { inline: directory.name }, { parent: this });
    }
    const setup = this.setUp(name, enrolment, keys);
    this.ready = setup.stdout.apply(() => true);
    this.registerOutputs({ address: this.address, hostKey: this.hostKey, dumpPublicKey: this.dumpPublicKey });
  }

  /** The stack output `backupServer`, which `fromStack` reads. */
  facts(): pulumi.Output<ServerFacts> {
    const { address, hostKey, identity, port } = this.enrolment;
    return pulumi.output({
      format: 1 as const,
      serverName: this.serverName,
      address,
      port: port ?? 22,
      hostKey,
      sourceAddress: this.sourceAddress,
      dumpPublicKey: this.dumpPublicKey,
      platform: this.platform,
      identity,
      sets: this.sets,
    });
  }

  /** What the configuration's reader has checked for a stack's own file, and nobody for a program. */
  private check(): void {
    const problems = new Problems();
    checkSets(this.args.sets, problems);
    const wrong = namespaceName(this.namespace);
    if (wrong !== undefined) {
      problems.add("the stack's namespace", this.namespace, wrong);
    }
    if (this.args.namespaces?.[this.namespace] !== undefined) {
      problems.sentences.push(
        `namespaces.${this.namespace} is this stack itself: leave it out, it may enrol anyway`,
      );
    }
    refuse(problems);
  }

  private identity(name: string, opts?: pulumi.ComponentResourceOptions): SshIdentity {
    return new SshIdentity(name, { comment: `${this.namespace} ${name}` }, { parent: this, ...opts });
  }

  /** The current key and the retired ones, each with its id in its name: a rotation adds one and removes none. */
  private keys(name: string, identities: { dump: SshIdentity; sign: SshIdentity }): AmcryptKeys[] {
    const { encryption, host, lockWaitMinutes } = this.args;
    return [encryption.keyId, ...(encryption.retiredKeyIds ?? [])].map(
      (keyId) =>
        new AmcryptKeys(
          `${name}-amcrypt-${keyId}`,
          { host, keyId, lockWaitMinutes, identities },
          { parent: this },
        ),
    );
  }

  private setUp(name: string, enrolment: SshIdentity, keys: AmcryptKeys[]): HostSetup {
    const {
      dataPath,
      directories,
      encryption,
      host,
      hooks,
      lockWaitMinutes,
      mirror,
      namespaces,
      notify,
      sets,
    } = this.args;
    const files = serverFiles({
      stack: this.namespace,
      dataPath,
      keyId: encryption.keyId,
      mail: notify?.mail,
      platform: host.platform,
      platforms: platforms(),
      sets,
    });
    const own = {
      namespace: this.namespace,
      fragment: this.serverName,
      client: this.serverName,
      directories,
    };
    return new HostSetup(
      `${name}-setup`,
      {
        host,
        review: { sets, mirror, files, disklist: disklist(own) },
        document: hostDocument(host, "server", {
          files,
          settings: {
            stack: this.namespace,
            platform: platformOf(host.platform),
            name: this.serverName,
            address: host.internalAddress ?? host.address,
            dataPath,
            dataVolume: host.dataVolume === undefined ? null : { id: host.dataVolume },
            sets: setFacts(sets),
            encryption: { keyId: encryption.keyId },
            mirror: mirror ?? null,
            namespaces: {
              ...namespaces,
              [this.namespace]: { publicKey: enrolment.publicKey, hosts: ["*"] },
            },
            ownDirectories: inOrder(directories),
            hooks: hooks ?? {},
            lockWaitMinutes,
            notify: notify ?? {},
          },
        }),
      },
      { parent: this, dependsOn: keys },
    );
  }
}

/** Another port than 22 on ssh's command line. */
function otherPort(at: { port?: pulumi.Input<number> }, before: string, after = ""): pulumi.Output<string> {
  return pulumi
    .output(at.port)
    .apply((number) => ((number ?? 22) === 22 ? "" : `${before}${number!}${after}`));
}
