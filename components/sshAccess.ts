import * as net from "net";
import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { type BackupServerRef } from "./backupServerRef";
import { explaining, type Wording } from "./openStackErrors";
import { network, normalised } from "./render/config/networks";
import { Problems } from "./render/config/problems";
import { sorted } from "./render/text";
import { refuse, VisibleError } from "./visibleError";

export interface SshAccessArgs {
  /** The security group's name in OpenStack, where several may have the same. Default: the resource's name. */
  groupName?: string;
  /** Networks in CIDR form, and addresses, from which port 22 is open. Default: none. */
  networks?: readonly string[];
  /** The id of a security group whose machines may come too. Default: none. */
  group?: pulumi.Input<string>;
  /** A backup server of another stack, which may come too. Default: none. */
  server?: BackupServerRef;
  /** @internal Where mistakes are to be put right. */
  wording?: Wording;
}

/**
 * A security group for any number of machines that lets in ssh from some and everything out, and nothing else. One for
 * all clients is enough: a group says nothing of its members to each other.
 *
 * ```ts
 * const access = new SshAccess("clients", { networks: ["192.0.2.0/24"], group: server.id });
 * new OpenStackHost("web1", { access, … });
 * ```
 */
export class SshAccess extends pulumi.ComponentResource {
  /** The security group's id. Who needs the rules too, also when all is destroyed, depends on this component. */
  readonly id: pulumi.Output<string>;

  constructor(name: string, args: SshAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:SshAccess", name, {}, opts);
    const networks = checked(name, args.networks ?? []);
    const hooks = explaining(`SshAccess ${name}`, args.wording);
    const group = new openstack.networking.SecGroup(
      `${name}-group`,
      { name: args.groupName ?? name, description: "ssh for administrators and backups" },
      // The provider tries for ten minutes otherwise to delete a group that a machine still has.
      { parent: this, hooks, customTimeouts: { delete: "2m" } },
    );
    const rule = (
      label: string,
      ethertype: pulumi.Input<string>,
      from: { remoteIpPrefix?: pulumi.Input<string>; remoteGroupId?: pulumi.Input<string> },
    ) =>
      new openstack.networking.SecGroupRule(
        `${name}-ssh-${label}`,
        {
          securityGroupId: group.id,
          direction: "ingress",
          ethertype,
          protocol: "tcp",
          portRangeMin: 22,
          portRangeMax: 22,
          ...from,
        },
        { parent: this, hooks },
      );
    for (const from of networks) {
      rule(from, family(from), { remoteIpPrefix: from });
    }
    if (args.group !== undefined) {
      rule("group", "IPv4", { remoteGroupId: args.group });
    }
    if (args.server !== undefined) {
      const source = pulumi
        .output(args.server.sourceAddress)
        .apply((address) => once(name, networks, known(address)));
      rule("server", source.apply(family), { remoteIpPrefix: source });
    }
    this.id = group.id;
    this.registerOutputs({ id: this.id });
  }
}

/** The networks as OpenStack writes them, each once. */
function checked(name: string, networks: readonly string[]): string[] {
  const problems = new Problems();
  networks.forEach((value, index) => {
    const wrong = network(value);
    if (wrong !== undefined) {
      problems.add(`SshAccess ${name}.networks[${index}]`, value, wrong);
    }
  });
  refuse(problems);
  return sorted([...new Set(networks.map(normalised))]);
}

function family(cidr: string): "IPv4" | "IPv6" {
  return net.isIPv6(cidr.split("/")[0]!) ? "IPv6" : "IPv4";
}

function known(source: string | null): string {
  if (source === null) {
    throw new VisibleError([
      "the address from which the backup server comes is not known: give `sourceAddress` in its stack, or here `networks` in place of `server`",
    ]);
  }
  return normalised(source);
}

/** @internal The source, which no other rule may let in already: Neutron refuses the second. */
export function once(name: string, networks: readonly string[], source: string): string {
  if (networks.includes(source)) {
    throw new VisibleError([
      `SshAccess ${name}.networks holds ${source}, from where the backup server comes anyway: leave it out`,
    ]);
  }
  return source;
}
