import type * as pulumi from "@pulumi/pulumi";

/** An account on a machine, and how it is reached by ssh. */
export interface SshAccount {
  /** IP address or host name. */
  address: pulumi.Input<string>;
  /** The account to log in with. */
  user: pulumi.Input<string>;
  /** Where sshd listens. Default 22. */
  port?: pulumi.Input<number>;
  /** The account's private key, a secret. Without it the ssh agent is asked, so that a preview needs no key. */
  privateKey?: pulumi.Input<string>;
  /** The host's public key in OpenSSH form. A connection to any other key is refused. */
  hostKey: pulumi.Input<string>;
  /** A machine through which this one is reached. Default: it is reached directly. */
  proxy?: HostProxy;
  /** That the machine may still be booting: it is dialled for longer, and set up only when cloud-init is done. */
  boots?: true;
}

/** A machine that is reached by ssh, whoever made it. Its account must be allowed to run anything by `sudo -n`. */
export interface Host extends SshAccount {
  /** What changes when the machine is new, rebuilt or wiped, and so has to be converged again. */
  identity: pulumi.Input<HostIdentity>;
  /** The family of its distribution: a row of host/platforms.json. Decides paths and users in the rendered files. */
  platform: string;
  /** How the backup server and its clients see the machine. Default `address`; another one behind a floating IP. */
  internalAddress?: pulumi.Input<string>;
  /** The id of the attached volume that is to hold the server's data. Default: `dataPath` is there or is a folder. */
  dataVolume?: pulumi.Input<string>;
  /** That from its boot on only root may reach the metadata service, which tells whoever asks the host key. */
  closeMetadata?: true;
}

/** A bastion: an account there that may open connections to the machines behind it, and needs to do nothing else. */
export interface HostProxy {
  address: pulumi.Input<string>;
  user: pulumi.Input<string>;
  /** Default 22. */
  port?: pulumi.Input<number>;
  /** The bastion's public host key in OpenSSH form. A connection to any other key is refused. */
  hostKey: pulumi.Input<string>;
  /** The account's private key, a secret. Default: the ssh agent's keys. */
  privateKey?: pulumi.Input<string>;
}

export interface HostIdentity {
  /** Counted up by hand to have the machine converged again. */
  generation: number;
  /** The id of the virtual machine, when there is one. */
  instance?: string;
  /** The id of the image on its root disk, when there is one: a rebuild changes it and not the instance's id. */
  image?: string;
  /** The name of its flavor, when OpenStack made it: a resize boots it anew. */
  flavor?: string;
  /** The size of its data volume in GB (2^30 bytes), when it has one: the file system on it has to grow too. */
  volumeGB?: number;
}

export interface ExistingHostArgs {
  /** IP address or host name. */
  address: string;
  /** The account to log in with, which may run anything by `sudo -n`. Example: `debian`. */
  user: string;
  /** Where sshd listens. Default 22. */
  port?: number;
  /** The account's private key, a secret. Default: the ssh agent's keys. */
  privateKey?: pulumi.Input<string>;
  /** The host's public key in OpenSSH form, as `ssh-keyscan -t ed25519 ADDRESS` shows it. */
  hostKey: string;
  /** Count it up after the machine was reinstalled or wiped. Default 1. */
  generation?: number;
  /** The family of its distribution. Default `debian`. */
  platform?: string;
}

/**
 * A machine as it is. It is no resource: Pulumi neither makes nor removes it.
 *
 * ```ts
 * new ExistingHost({ address: "192.0.2.20", user: "debian", hostKey: "ssh-ed25519 AAAAC3…" });
 * ```
 */
export class ExistingHost implements Host {
  readonly address: string;
  readonly user: string;
  readonly port: number;
  readonly privateKey?: pulumi.Input<string>;
  readonly hostKey: string;
  readonly identity: HostIdentity;
  readonly platform: string;

  constructor(args: ExistingHostArgs) {
    this.address = args.address;
    this.user = args.user;
    this.port = args.port ?? 22;
    this.privateKey = args.privateKey;
    this.hostKey = args.hostKey;
    this.identity = { generation: args.generation ?? 1 };
    this.platform = args.platform ?? "debian";
  }
}
