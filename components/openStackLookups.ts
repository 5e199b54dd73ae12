import * as openstack from "@pulumi/openstack";
import { explain } from "./render/openStackErrors";
import { sorted } from "./render/text";
import { VisibleError } from "./visibleError";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The cloud could not be asked: there is no way to it, or it lets nobody in. */
export class Unanswered extends VisibleError {
  constructor(
    /** What was asked for: the key. */
    readonly key: string,
    readonly reason: string,
  ) {
    super([`${key} could not be looked up: ${reason}`]);
  }
}

/** Something that is asked for, by the user's key and value. */
export interface Question {
  key: string;
  value: string;
  /** What to do when there is none of it, or when there are several. */
  none: string;
  several: string;
}

/** An answer of the cloud, or a VisibleError. */
export async function ask<T>({ key, value, none, several }: Question, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/[Mm]ore than one/.test(text)) {
      throw new VisibleError([`${key} is ${JSON.stringify(value)}: ${several}`]);
    }
    if (/returned no |No openstack_\S+ found/.test(text)) {
      throw new VisibleError([`${key} is ${JSON.stringify(value)}: ${none}`]);
    }
    throw new Unanswered(key, explain({ type: "", operation: "read", error: text }) ?? text.trim());
  }
}

/** The ids of a network and of a subnet in it. Where both are given as ids nobody is asked. */
export async function findNetwork(
  network: string,
  subnet: string | undefined,
): Promise<{ network: string; subnet: string }> {
  const question = { key: "openstack.network", value: network };
  const networkId = ID.test(network)
    ? network
    : await ask(
        {
          ...question,
          none: "the project sees no network of this name; `openstack network list` shows them",
          several: "several networks have this name; give the id of one",
        },
        openstack.networking.getNetwork({ name: network }).then(({ id }) => id),
      );
  if (subnet !== undefined) {
    return { network: networkId, subnet };
  }
  const found = await ask(
    {
      ...question,
      none: "it has no IPv4 subnet that the project sees; name another one",
      several: "it has several IPv4 subnets; give the id of one as openstack.subnet",
    },
    openstack.networking.getSubnet({ networkId, ipVersion: 4 }),
  );
  return { network: networkId, subnet: found.id };
}

/** The IPv4 network of a subnet; `given` is its id in the configuration, where it has one. */
export async function findCidr(id: string, given: string | undefined): Promise<string> {
  const question: Question = {
    key: given === undefined ? "openstack.network" : "openstack.subnet",
    value: id,
    none: "the project sees no such subnet; `openstack subnet list` shows their ids",
    several: "several subnets have this id",
  };
  return (await ask(question, openstack.networking.getSubnet({ subnetId: id }))).cidr;
}

/** Ask whether the cloud has a flavor: otherwise a machine's port and volume would be made before it is refused. */
export async function findFlavor(name: string, key: string): Promise<void> {
  await ask(
    {
      key,
      value: name,
      none: "the cloud has no such flavor; `openstack flavor list` shows them",
      several: "several flavors have this name; name another one",
    },
    openstack.compute.getFlavor({ name }),
  );
}

/** Whether there is a port of this name, as every machine has one that was made. */
export async function hasPort(name: string): Promise<boolean> {
  return (await openstack.networking.getPortIds({ name })).ids.length > 0;
}

/** Ask whether the cloud has an external network: otherwise all is made before its floating address is refused. */
export async function findExternalNetwork(name: string, key: string): Promise<void> {
  await ask(
    {
      key,
      value: name,
      none: "the project sees no external network of this name; `openstack network list --external` shows them",
      several: "several external networks have this name; name another one",
    },
    openstack.networking.getNetwork({ name, external: true }),
  );
}

/** The ids of the images that the cloud lists. It keeps some to itself, hidden ones for example. */
export async function listImages(key: string): Promise<string[]> {
  const question = { key, value: "", none: "the cloud lists no image", several: "" };
  const { ids } = await ask(question, openstack.images.getImageIds({ memberStatus: "all" }));
  return ids;
}

/** What a machine of another team's is known by. */
export interface FoundInstance {
  address: string;
  instance: string;
  image: string;
}

/** Another team's machine, by its id or its name. `key` is where they stand. */
export async function findInstance(
  key: string,
  { id, name, address }: { id?: string; name?: string; address?: string },
): Promise<FoundInstance> {
  if ((id === undefined) === (name === undefined)) {
    throw new VisibleError([`${key} needs exactly one of id and name`]);
  }
  const question: Question = {
    key: `${key}.${id === undefined ? "name" : "id"}`,
    value: id ?? name!,
    none: "the project sees no such instance; `openstack server list` shows them",
    several: "several instances or ports have this name; give the instance's id",
  };
  const wanted = id ?? (await ask(question, idOf(name!)));
  const instance = await ask(question, openstack.compute.getInstanceV2({ id: wanted }));
  // Of one that is not there the provider tells nothing, and does not fail.
  if (!instance.name) {
    throw new VisibleError([`${question.key} is ${JSON.stringify(question.value)}: ${question.none}`]);
  }
  const fixed = instance.networks.flatMap(({ fixedIpV4 }) => (fixedIpV4 ? [fixedIpV4] : []));
  const addresses = sorted(fixed.length > 0 || !instance.accessIpV4 ? fixed : [instance.accessIpV4]);
  return {
    address: addressAmong(addresses, { key, address, instance: question }),
    instance: wanted,
    image: instance.imageId,
  };
}

/** The only address, or the one that is wished for: the provider tells them in a new order each time. */
function addressAmong(
  addresses: readonly string[],
  { key, address, instance }: { key: string; address?: string; instance: Question },
): string {
  if (address !== undefined && addresses.length > 0 && !addresses.includes(address)) {
    throw new VisibleError([
      `${key}.address is ${JSON.stringify(address)}: the instance has ${addresses.join(", ")}; give one of these`,
    ]);
  }
  if (addresses.length === 0 || (address === undefined && addresses.length > 1)) {
    const cure =
      addresses.length === 0
        ? "this instance has no IPv4 address; give it one"
        : `this instance has ${addresses.join(" and ")}; give the one to reach it by as ${key}.address`;
    throw new VisibleError([`${instance.key} is ${JSON.stringify(instance.value)}: ${cure}`]);
  }
  return address ?? addresses[0]!;
}

/**
 * By the ports, since the provider looks up an instance by its id alone: Nova gives the host name to the port where
 * Neutron has the extension for it; elsewhere every instance that has a port is asked for its name.
 */
async function idOf(name: string): Promise<string> {
  const { deviceId } = await openstack.networking
    .getPort({ dnsName: name.toLowerCase() })
    .catch((error: Error) => {
      if (/invalid attribute for filtering|No openstack_networking_port_v2 found/.test(error.message)) {
        return { deviceId: undefined };
      }
      throw error;
    });
  if (deviceId) {
    return deviceId;
  }
  const found = await idsOf(name);
  if (found.length !== 1) {
    throw new Error(found.length === 0 ? "returned no instance" : "more than one instance");
  }
  return found[0]!;
}

/** The ids of all instances that have this name and a port. */
async function idsOf(name: string): Promise<string[]> {
  const { ids } = await openstack.networking.getPortIds({});
  const ports = await Promise.all(ids.map((portId) => openstack.networking.getPort({ portId })));
  const devices = ports
    .filter(({ deviceId, deviceOwner }) => deviceId && deviceOwner?.startsWith("compute:"))
    .map(({ deviceId }) => deviceId!);
  const instances = [...new Set(devices)].map((id) => openstack.compute.getInstanceV2({ id }));
  return (await Promise.all(instances)).filter((one) => one.name === name).map(({ id }) => id);
}
