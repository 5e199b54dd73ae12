import * as pulumi from "@pulumi/pulumi";
import { type Host, type HostIdentity, type HostProxy } from "./host";
import { findInstance, type FoundInstance } from "./openStackLookups";

export interface ExistingInstanceArgs {
  /** OpenStack's id of the machine. Exactly one of `id` and `name`. */
  id?: string;
  /** Its name. A Neutron without host names is asked for every port, so the id is faster where there are many. */
  name?: string;
  /** Which of its IPv4 addresses to reach it by, from here and from the server. Needed when it has several. */
  address?: string;
  /** The account to log in with, which may run anything by `sudo -n`. Example: `debian`. */
  user: string;
  /** Where sshd listens. Default 22. */
  port?: number;
  /** The account's private key, a secret. Default: the ssh agent's keys. */
  privateKey?: pulumi.Input<string>;
  /** The host's public key in OpenSSH form, as `openstack console log show` or its owner tells it. */
  hostKey: string;
  /** A bastion to go through. Default: the machine is reached directly. */
  proxy?: HostProxy;
  /** Count it up after the machine was wiped. A rebuilt or new one is noticed by itself. Default 1. */
  generation?: number;
  /** The family of its distribution. Default `debian`. */
  platform?: string;
  /** @internal What was found already. */
  found?: FoundInstance;
}

/**
 * A virtual machine of somebody else's: looked up at each run, and neither made, changed nor removed. Its security
 * groups must let in ssh from here and from the backup server.
 *
 * ```ts
 * new ExistingInstance({ name: "mail1", user: "debian", hostKey: "ssh-ed25519 AAAAC3…" });
 * ```
 */
export class ExistingInstance implements Host {
  readonly address: pulumi.Output<string>;
  readonly user: string;
  readonly port: number;
  readonly privateKey?: pulumi.Input<string>;
  readonly hostKey: string;
  readonly identity: pulumi.Output<HostIdentity>;
  readonly platform: string;
  readonly proxy?: HostProxy;

  constructor(args: ExistingInstanceArgs) {
    this.user = args.user;
    this.port = args.port ?? 22;
    this.privateKey = args.privateKey;
    this.hostKey = args.hostKey;
    this.platform = args.platform ?? "debian";
    this.proxy = args.proxy;
    const found = pulumi.output(args.found ?? findInstance("ExistingInstance", args));
    this.address = found.address;
    this.identity = pulumi.output({
      generation: args.generation ?? 1,
      instance: found.instance,
      image: found.image,
    });
  }
}
