import * as pulumi from "@pulumi/pulumi";
import { type StackConfiguration } from "./config";
import { ExistingInstance } from "./existingInstance";
import { ExistingHost, type Host, type HostProxy } from "./host";
import { type LookUps } from "./lookUps";
import { OpenStackHost } from "./openStackHost";
import { type HostConfig, type OpenStackMachine } from "./render/config/configuration";
import { sourceOf } from "./render/config/machineChecks";
import { normalised } from "./render/config/networks";
import { SshAccess } from "./sshAccess";

/** Turns the machines of a configuration into hosts: finds, looks up, or makes them. */
export class Machines {
  private readonly proxy?: HostProxy;
  private serverAccess?: SshAccess;
  private clientAccess?: SshAccess;

  constructor(
    private readonly config: StackConfiguration,
    private readonly found: LookUps,
  ) {
    const { bastion } = config;
    this.proxy = bastion && { ...bastion, privateKey: config.sshPrivateKey };
  }

  server(name: string): Host {
    const { server } = this.config;
    return this.host(name, server.name, server, () => this.accessToServer());
  }

  client(name: string): Host {
    return this.host(name, name, this.config.clients[name]!, () => this.accessToClients());
  }

  private host(name: string, machineName: string, machine: HostConfig, access: () => SshAccess): Host {
    const { generation, platform } = machine;
    const common = { generation, platform, privateKey: this.config.sshPrivateKey };
    if (machine.openstack !== undefined) {
      return this.make(name, machineName, machine.openstack, access(), common);
    }
    if (machine.instance !== undefined) {
      const found = this.found.instances[name]!;
      return new ExistingInstance({ ...machine.instance, ...common, proxy: this.proxy, found });
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
    const { adminKeys, availabilityZone, configDrive, network, user } = this.config.openstack!;
    const is = (key: string, value: unknown) =>
      value === undefined ? key : `${key} is ${JSON.stringify(value)}`;
    return new OpenStackHost(`${name}-host`, {
      ...common,
      ...this.found.where!,
      machineName,
      address: machine.address,
      image: machine.image,
      flavor: machine.flavor,
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
