import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { type Host, type HostIdentity, type HostProxy } from "./host";
import { ask } from "./openStackLookups";
import { VisibleError } from "./visibleError";

export interface ExistingInstanceArgs {
  /** OpenStack's id of the machine. Exactly one of `id` and `name`. */
  id?: string;
  /** Its host name, by which Neutron knows its port; that needs a cloud whose Neutron has the extension `dns`. */
  name?: string;
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
  /** @internal What the user calls it, for sentences. */
  key?: string;
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
    const found = pulumi.output(find(args));
    this.address = found.address;
    this.identity = pulumi.output({
      generation: args.generation ?? 1,
      instance: found.instance,
      image: found.image,
    });
  }
}

interface Found {
  address: string;
  instance: string;
  image: string;
}

async function find({ id, key, name }: ExistingInstanceArgs): Promise<Found> {
  const at = key ?? "ExistingInstance";
  const what = id === undefined ? `${at}.name is ${JSON.stringify(name)}` : `${at}.id is "${id}"`;
  const cures = {
    none: "the project sees no such instance; `openstack server list` shows them",
    several: "several ports have this name; give the id of one instance",
  };
  const wanted = id ?? (await ask(idOf(name!), what, cures));
  const instance = await ask(openstack.compute.getInstanceV2({ id: wanted }), what, cures);
  // The provider answers with nothing where there is none.
  const address = instance.networks?.find(({ fixedIpV4 }) => fixedIpV4)?.fixedIpV4 ?? instance.accessIpV4;
  if (!address) {
    throw new VisibleError([
      `${what}: ${instance.name ? "this instance has no IPv4 address; give it one" : cures.none}`,
    ]);
  }
  return { address, instance: wanted, image: instance.imageId };
}

/** By its port, since the provider looks up an instance by its id alone. */
async function idOf(name: string): Promise<string> {
  const { deviceId } = await openstack.networking.getPort({ dnsName: name.toLowerCase() });
  if (!deviceId) {
    throw new Error("No openstack_networking_port_v2 found that an instance has");
  }
  return deviceId;
}
