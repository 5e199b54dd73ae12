import * as pulumi from "@pulumi/pulumi";
import { type StackConfiguration } from "./config";
import { ExistingInstance } from "./existingInstance";
import { ExistingHost, type Host, type HostProxy } from "./host";
import { checkedFlavor, findNetwork } from "./openStackLookups";
import { OpenStackHost } from "./openStackHost";
import { type HostConfig, type OpenStackMachine } from "./render/config/configuration";
import { sourceOf } from "./render/config/machineChecks";
import { normalised } from "./render/config/networks";
import { SshAccess } from "./sshAccess";

/** Turns the machines of a configuration into hosts: finds, looks up, or makes them. */
export class Machines {
  private readonly proxy?: HostProxy;
  private readonly flavors = new Map<string, pulumi.Output<string>>();
  private where?: ReturnType<typeof findNetwork>;
  private serverAccess?: SshAccess;
  private clientAccess?: SshAccess;

  constructor(private readonly config: StackConfiguration) {
    const bastion = config.openstack?.bastion;
    this.proxy = bastion && { ...bastion, privateKey: config.sshPrivateKey };
  }

  server(name: string): Host {
    const { server } = this.config;
    return this.host(name, server.name, "server", server, () => this.accessToServer());
  }

  client(name: string): Host {
    return this.host(name, name, `clients.${name}`, this.config.clients[name]!, () => this.accessToClients());
  }

  private host(
    name: string,
    machineName: string,
    key: string,
    machine: HostConfig,
    access: () => SshAccess,
  ): Host {
    const { generation, platform } = machine;
    const common = { generation, platform, privateKey: this.config.sshPrivateKey };
    if (machine.openstack !== undefined) {
      return this.make(name, machineName, machine.openstack, access(), common);
    }
    if (machine.instance !== undefined) {
      const { proxy } = this;
      return new ExistingInstance({ ...machine.instance, ...common, proxy, key: `${key}.instance` });
    }
    return new ExistingHost({ ...machine.existing!, ...common });
  }

  private make(
    name: string,
    machineName: string,
    { keys, ...machine }: OpenStackMachine,
    access: SshAccess,
    common: { generation: number; platform: string; privateKey?: pulumi.Output<string> },
  ): Host {
    const { adminKeys, availabilityZone, configDrive, network, subnet, user } = this.config.openstack!;
    this.where ??= findNetwork(network, subnet);
    const is = (key: string, value: unknown) => `${key} is ${JSON.stringify(value)}`;
    return new OpenStackHost(`${name}-host`, {
      ...common,
      ...this.where,
      machineName,
      address: machine.address,
      image: machine.image,
      flavor: this.flavor(machine.flavor, keys.flavor),
      floatingNetwork: machine.floatingNetwork,
      volumeGB: machine.volumeGB,
      access,
      adminKeys,
      availabilityZone,
      configDrive,
      user,
      proxy: this.proxy,
      wording: {
        address: is(keys.address, machine.address),
        flavor: is(keys.flavor, machine.flavor),
        floatingNetwork: is(keys.floatingNetwork, machine.floatingNetwork),
        image: is(keys.image, machine.image),
        network: is("openstack.network", network),
        volumeGB: is(keys.volumeGB, machine.volumeGB),
      },
    });
  }

  /** One question for each flavor, however many machines have it. */
  private flavor(flavor: string, key: string): pulumi.Output<string> {
    const checked = this.flavors.get(flavor) ?? checkedFlavor(flavor, key);
    this.flavors.set(flavor, checked);
    return checked;
  }

  private accessToServer(): SshAccess {
    const { openstack } = this.config.server;
    return (this.serverAccess ??= this.access("backup", openstack!.enrolNetworks));
  }

  private accessToClients(): SshAccess {
    const { server } = this.config;
    const source = server.openstack === undefined ? sourceOf(server) : server.sourceAddress;
    return (this.clientAccess ??= this.access(
      "clients",
      source === undefined ? [] : [normalised(source)],
      server.openstack === undefined ? undefined : this.accessToServer().id,
    ));
  }

  /** A security group for the server, or for all clients. */
  private access(name: string, networks: string[], group?: pulumi.Output<string>): SshAccess {
    return new SshAccess(`${name}-access`, {
      groupName: `${pulumi.getProject()}.${pulumi.getStack()} ${name}`,
      networks: [...this.config.openstack!.adminNetworks, ...networks],
      group,
    });
  }
}
