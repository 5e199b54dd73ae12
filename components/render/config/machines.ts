import * as checks from "./checks";
import {
  type ExistingConfig,
  type HostConfig,
  type InstanceConfig,
  type OpenStackConfig,
  type OpenStackMachine,
} from "./configuration";
import { ipv4, network, normalised } from "./networks";
import { suggestion } from "./problems";
import { type Section, WRONG } from "./section";

const EXISTING_KEYS = ["address", "user", "port", "hostKey"];
const COMMON_KEYS = [
  "image",
  "flavor",
  "network",
  "subnet",
  "adminKeys",
  "adminNetworks",
  "configDrive",
  "availabilityZone",
  "user",
  "bastion",
];
const MACHINE_KEYS = ["address", "flavor", "image", "floatingNetwork"];

/** The keys by which a machine is found or made. */
export const SERVER_KEYS = [...EXISTING_KEYS, "openstack", "generation", "platform"];
export const CLIENT_KEYS = [...SERVER_KEYS, "instance"];

/** Reads machines, and what those that the stack makes have in common. */
export class MachineReader {
  private readonly section: Section;
  private readonly has: boolean;
  private readonly image?: string;
  private readonly flavor?: string;
  /** The machines that the stack is to make. */
  private readonly made: string[] = [];
  /** Of image and flavor, what a machine lacked. */
  private readonly lacking = new Set<"image" | "flavor">();

  constructor(
    root: Section,
    private readonly families: readonly string[],
  ) {
    this.has = root.has("openstack");
    this.section = root.section("openstack", COMMON_KEYS);
    this.image = this.section.optional("image", checks.imageId);
    this.flavor = this.section.optional("flavor", checks.line);
  }

  server(section: Section): HostConfig {
    return this.machine(section, ["volumeGB", "enrolNetworks"], false);
  }

  client(section: Section): HostConfig {
    return this.machine(section, [], true);
  }

  /** Machines that another team made are reached through it too. */
  bastion(): ExistingConfig | undefined {
    return this.section.has("bastion")
      ? existing(this.section.section("bastion", EXISTING_KEYS), "the bastion's")
      : undefined;
  }

  /** Called last, when it is known which machines there are; undefined when the stack makes none. */
  common(): OpenStackConfig | undefined {
    const { problems } = this.section;
    if (!this.has) {
      if (this.made.length > 0) {
        problems.missing(
          "openstack",
          `${this.made.join(", ")} ${this.made.length === 1 ? "is" : "are"} to be made; give image, flavor, network, adminKeys and adminNetworks`,
        );
      }
      return undefined;
    }
    if (this.lacking.has("image")) {
      problems.missing("openstack.image", "give the image's id; `openstack image list` shows it");
    }
    if (this.lacking.has("flavor")) {
      problems.missing("openstack.flavor", "give the flavor's name; `openstack flavor list` shows it");
    }
    return this.made.length > 0 ? this.readCommon() : undefined;
  }

  private readCommon(): OpenStackConfig {
    const { section } = this;
    const adminNetworks = section.texts("adminNetworks", network).map(orWrong);
    if (adminNetworks.length === 0) {
      section.problems.missing(
        section.at("adminNetworks"),
        "give the networks from which administrators come by ssh: this machine's, or the bastion's as the machines see it",
      );
    }
    const adminKeys = section.texts("adminKeys", checks.publicKey);
    if (adminKeys.length === 0) {
      section.problems.missing(
        section.at("adminKeys"),
        "give the public keys that may log in, this machine's among them",
      );
    }
    return {
      network: section.text("network", "give the network's name or id", checks.line),
      subnet: section.optional("subnet", checks.uuid),
      adminKeys,
      adminNetworks,
      configDrive: section.boolean("configDrive", true),
      availabilityZone: section.optional("availabilityZone", checks.line),
      user: section.textOr("user", "debian", checks.userName),
    };
  }

  private machine(section: Section, ownKeys: string[], lookedUp: boolean): HostConfig {
    return {
      ...this.way(section, ownKeys, lookedUp),
      generation: section.whole("generation", "counted up to converge the machine again", {
        min: 1,
        default: 1,
      }),
      platform: section.textOr("platform", "debian", (value) =>
        this.families.includes(value) ? undefined : `no such platform; ${suggestion(value, this.families)}`,
      ),
    };
  }

  private way(section: Section, ownKeys: string[], lookedUp: boolean): Partial<HostConfig> {
    const { problems } = section;
    const ways = ["openstack", ...(lookedUp ? ["instance"] : [])].filter((way) => section.has(way));
    if (ways.length === 2) {
      problems.sentences.push(
        `${section.path} has openstack and instance: keep openstack for a machine to be made, instance for one that another team made`,
      );
      return {};
    }
    const given = EXISTING_KEYS.filter((key) => section.has(key));
    if (ways.length === 0 && given.length === 0) {
      problems.missing(
        section.at("address"),
        "give address, user and hostKey of a machine that is there, or openstack for one to be made" +
          (lookedUp ? ", or instance for one that another team made" : ""),
      );
      return {};
    }
    if (ways.length === 0) {
      return { existing: existing(section, "the machine's") };
    }
    const clashing = ways[0] === "openstack" ? given : given.filter((key) => key === "address");
    for (const key of clashing) {
      problems.add(
        section.at(key),
        section.raw(key),
        `${section.at(ways[0]!)} says it; keep ${key} for a machine that is there, or ${ways[0]} alone`,
      );
    }
    return ways[0] === "openstack"
      ? { openstack: this.makes(section, ownKeys) }
      : { instance: instance(section) };
  }

  /** A machine that the stack makes. */
  private makes(machine: Section, ownKeys: string[]): OpenStackMachine {
    const section = machine.section("openstack", [...MACHINE_KEYS, ...ownKeys]);
    this.made.push(machine.path);
    const or = (key: "image" | "flavor", own: string | undefined, common: string | undefined) => {
      if (own === undefined && common === undefined) {
        this.lacking.add(key);
      }
      return own ?? common ?? WRONG;
    };
    const key = (name: string) => (section.has(name) ? section.at(name) : `openstack.${name}`);
    return {
      address: section.optional("address", ipv4),
      image: or("image", section.optional("image", checks.imageId), this.image),
      flavor: or("flavor", section.optional("flavor", checks.line), this.flavor),
      floatingNetwork: section.optional("floatingNetwork", checks.line),
      volumeGB: ownKeys.includes("volumeGB")
        ? section.whole("volumeGB", "the size of the data volume in GB", { min: 1, max: 2 ** 20 })
        : undefined,
      enrolNetworks: section.texts("enrolNetworks", network).map(orWrong),
      keys: {
        address: section.at("address"),
        flavor: key("flavor"),
        floatingNetwork: section.at("floatingNetwork"),
        image: key("image"),
        volumeGB: section.at("volumeGB"),
      },
    };
  }
}

const orWrong = (value: string) => (value === WRONG ? WRONG : normalised(value));

/** A machine as it is; `whose` for the sentences. */
function existing(section: Section, whose: string): ExistingConfig {
  return {
    address: section.text("address", `give ${whose} IP address or host name`, checks.address),
    ...login(section, whose),
  };
}

function login(section: Section, whose: string): Omit<ExistingConfig, "address"> {
  return {
    user: section.text("user", "give the administrator's account, such as debian", checks.userName),
    port: section.whole("port", "where sshd listens", { min: 1, max: 65535, default: 22 }),
    hostKey: section.text(
      "hostKey",
      `give ${whose} public ssh key; ssh-keyscan -t ed25519 ADDRESS shows it, compare it with the machine's own`,
      checks.publicKey,
    ),
  };
}

/** Another team's machine. */
function instance(machine: Section): InstanceConfig {
  const section = machine.section("instance", ["id", "name", "address"]);
  const id = section.optional("id", checks.uuid);
  const name = section.optional("name", checks.line);
  if ((id === undefined) === (name === undefined)) {
    section.problems.sentences.push(
      id === undefined
        ? `${section.path} names no instance: give its id, or its name`
        : `${section.path} has id and name: keep one, the id where there is a choice`,
    );
  }
  const address = section.optional("address", ipv4);
  return { id, name, address, ...login(machine, "the machine's") };
}
