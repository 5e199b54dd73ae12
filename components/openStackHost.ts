import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { type Host, type HostIdentity, type HostProxy } from "./host";
import { explaining, type Wording } from "./openStackErrors";
import { userData } from "./render/userData";
import { type SshAccess } from "./sshAccess";
import { SshIdentity } from "./sshIdentity";

export interface OpenStackHostArgs {
  /** OpenStack's name of the machine, and its host name. Default: the resource's name. */
  machineName?: string;
  /**
   * Its fixed IPv4 address. Changing it replaces the machine, and what is on its root disk is gone. Default: Neutron
   * chooses, and must choose where the network is another project's.
   */
  address?: string;
  /** The id of the image on its root disk. Changing it rebuilds the machine in place: the root disk is new. */
  image: pulumi.Input<string>;
  /** The name of its flavor. Changing it resizes the machine, which boots anew. */
  flavor: pulumi.Input<string>;
  /** The ids of the network and of the subnet that its address is in. */
  network: pulumi.Input<string>;
  subnet: pulumi.Input<string>;
  /** Who may come by ssh. */
  access: SshAccess;
  /** The ids of further security groups. Default: none. */
  securityGroups?: pulumi.Input<string>[];
  /** Public keys of the administrators, for the image's user. They take effect when the machine is made. */
  adminKeys: readonly string[];
  /** The user of the image that gets the keys, and may run anything by sudo. Default `debian`. */
  user?: string;
  /** The key to log in with, a secret. Default: the ssh agent's keys. */
  privateKey?: pulumi.Input<string>;
  /** Whether cloud-init reads from a config drive, which needs no metadata service. Default true. */
  configDrive?: boolean;
  /** Default: the cloud chooses. Changing it replaces the machine. */
  availabilityZone?: string;
  /** The size of a data volume in GB (2^30 bytes), which survives the machine. It may grow. Default: no volume. */
  volumeGB?: number;
  /** The name of the external network to take a floating address from, which is then dialled. Default: none. */
  floatingNetwork?: string;
  /** A bastion to go through. Default: the machine is reached directly. */
  proxy?: HostProxy;
  /** Count it up to have the machine set up again. Default 1. */
  generation?: number;
  /** The family of the image's distribution. Default `debian`. */
  platform?: string;
  /** @internal What the user calls these, for sentences about a refusal. */
  wording?: Wording;
}

/**
 * A virtual machine on OpenStack: its ssh host key, port, instance, and, when asked for, data volume and floating
 * address. Its user data never changes; everything else is brought by HostSetup.
 *
 * The volume is protected, and stays in the cloud when it is removed from the stack.
 */
export class OpenStackHost extends pulumi.ComponentResource implements Host {
  readonly address: pulumi.Input<string>;
  readonly internalAddress: pulumi.Input<string>;
  readonly user: string;
  readonly privateKey?: pulumi.Input<string>;
  readonly hostKey: pulumi.Output<string>;
  readonly identity: pulumi.Output<HostIdentity>;
  readonly platform: string;
  readonly proxy?: HostProxy;
  readonly dataVolume?: pulumi.Output<string>;
  readonly boots = true;
  readonly closeMetadata = true;

  private readonly machineName: string;
  private readonly hooks: pulumi.ResourceHookBinding;

  constructor(name: string, args: OpenStackHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:OpenStackHost", name, {}, opts);
    this.machineName = args.machineName ?? name;
    this.hooks = explaining(`OpenStackHost ${name}`, { ...ownWording(name, args), ...args.wording });
    this.user = args.user ?? "debian";
    this.privateKey = args.privateKey;
    this.platform = args.platform ?? "debian";
    this.proxy = args.proxy;

    const key = new SshIdentity(`${name}-ssh`, {}, { parent: this });
    this.hostKey = key.publicKey;
    const port = this.makePort(name, args);
    this.internalAddress = args.address ?? port.allFixedIps.apply(([first]) => first!);
    const instance = this.makeInstance(name, args, port, key);
    if (args.volumeGB !== undefined) {
      this.dataVolume = this.makeVolume(name, args.volumeGB, instance);
    }
    // Nobody dials before the machine is there, since all that is sent to it carries its identity.
    this.address =
      args.floatingNetwork === undefined
        ? this.internalAddress
        : this.makeFloatingAddress(name, args.floatingNetwork, port);
    this.identity = pulumi.output({
      generation: args.generation ?? 1,
      instance: instance.id,
      image: args.image,
      flavor: args.flavor,
      ...(args.volumeGB === undefined ? {} : { volumeGB: args.volumeGB }),
    });
    this.registerOutputs({ address: this.address, hostKey: this.hostKey });
  }

  private makePort(name: string, args: OpenStackHostArgs): openstack.networking.Port {
    return new openstack.networking.Port(
      `${name}-port`,
      {
        name: this.machineName,
        networkId: args.network,
        fixedIps: [{ subnetId: args.subnet, ipAddress: args.address }],
        securityGroupIds: [args.access.id, ...(args.securityGroups ?? [])],
      },
      {
        parent: this,
        hooks: this.hooks,
        // The rules too: whoever leaves the server in `pulumi destroy` has to reach it.
        dependsOn: [args.access],
        // Neutron would change a port's address under a machine that does not hear of it.
        replaceOnChanges: ["fixedIps"],
        deleteBeforeReplace: true,
      },
    );
  }

  private makeInstance(
    name: string,
    args: OpenStackHostArgs,
    port: openstack.networking.Port,
    key: SshIdentity,
  ): openstack.compute.Instance {
    return new openstack.compute.Instance(
      `${name}-instance`,
      {
        name: this.machineName,
        imageId: args.image,
        flavorName: args.flavor,
        networks: [{ port: port.id }],
        availabilityZone: args.availabilityZone,
        configDrive: args.configDrive ?? true,
        userData: pulumi.secret(
          pulumi
            .all([key.privateKey, key.publicKey])
            .apply(([privateKey, publicKey]) =>
              userData({ adminKeys: args.adminKeys, hostKey: { privateKey, publicKey } }),
            ),
        ),
        stopBeforeDestroy: true,
      },
      {
        parent: this,
        hooks: this.hooks,
        additionalSecretOutputs: ["userData"],
        // Other administrators' keys are no reason for a new machine.
        ignoreChanges: ["userData"],
        // Its port and volume cannot be had by two.
        deleteBeforeReplace: true,
      },
    );
  }

  /** Make and attach the volume; its id, once it is attached. */
  private makeVolume(
    name: string,
    size: number,
    instance: openstack.compute.Instance,
  ): pulumi.Output<string> {
    const volume = new openstack.blockstorage.Volume(
      `${name}-volume`,
      {
        name: `${this.machineName}-data`,
        description: "amanda-backup: vtapes, holding disk and catalogue",
        size,
        enableOnlineResize: true,
      },
      { parent: this, hooks: this.hooks, protect: true, retainOnDelete: true },
    );
    const attachment = new openstack.compute.VolumeAttach(
      `${name}-attachment`,
      { instanceId: instance.id, volumeId: volume.id },
      {
        parent: this,
        hooks: this.hooks,
        deleteBeforeReplace: true,
        // The machine is shut down first, which unmounts the volume; detaching it before would be pulling a disk.
        deletedWith: instance,
      },
    );
    return attachment.volumeId;
  }

  private makeFloatingAddress(
    name: string,
    pool: string,
    port: openstack.networking.Port,
  ): pulumi.Output<string> {
    const floating = new openstack.networking.FloatingIp(
      `${name}-floating`,
      { pool, portId: port.id },
      { parent: this, hooks: this.hooks },
    );
    return floating.address;
  }
}

/** What the arguments are called in a program. */
function ownWording(name: string, args: OpenStackHostArgs): Wording {
  const what = (key: keyof OpenStackHostArgs) =>
    args[key] === undefined || typeof args[key] === "object"
      ? `OpenStackHost ${name}.${key}`
      : `OpenStackHost ${name}.${key} is ${JSON.stringify(args[key])}`;
  return {
    address: what("address"),
    flavor: what("flavor"),
    floatingNetwork: what("floatingNetwork"),
    image: what("image"),
    network: what("network"),
    volumeGB: what("volumeGB"),
  };
}
