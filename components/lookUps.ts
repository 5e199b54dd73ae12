import * as pulumi from "@pulumi/pulumi";
import { type StackConfiguration } from "./config";
import {
  findCidr,
  findExternalNetwork,
  findFlavor,
  findInstance,
  findNetwork,
  hasPort,
  listImages,
  type FoundInstance,
  Unanswered,
} from "./openStackLookups";
import { type HostConfig, type OpenStackMachine } from "./render/config/configuration";
import { holds } from "./render/config/networks";
import { sorted } from "./render/text";
import { VisibleError } from "./visibleError";

/** What a configuration names and the cloud knows. */
export interface LookUps {
  /** The ids of the network and subnet in which machines are made; undefined when none is. */
  where?: { network: string; subnet: string };
  /** Clients that are another team's machines, by their names. */
  instances: Record<string, FoundInstance>;
}

/**
 * Ask the cloud for all that the configuration names, before anything is declared. Throws one VisibleError that tells
 * all that is not there. Without a way to the cloud a preview goes on when nothing is needed but to be checked.
 */
export async function lookUps(config: StackConfiguration): Promise<LookUps> {
  const answers = new Answers();
  const { clients, openstack } = config;
  const where = openstack && answers.needed(findNetwork(openstack.network, openstack.subnet));
  if (where !== undefined) {
    askForAddresses(config, where, answers);
  }
  for (const [flavor, key] of named(config, "flavor")) {
    answers.wanted(checkFlavor(config, flavor, key));
  }
  for (const [network, key] of named(config, "floatingNetwork")) {
    answers.wanted(findExternalNetwork(network, key));
  }
  const images = named(config, "image");
  if (images.size > 0) {
    answers.wanted(listImages(sorted([...images.values()])[0]!).then((ids) => warnOfImages(images, ids)));
  }
  const instances = Object.entries(clients).flatMap(([name, { instance }]) =>
    instance === undefined
      ? []
      : [{ name, found: answers.needed(findInstance(`clients.${name}.instance`, instance)) }],
  );
  await answers.all();
  const found = instances.map(async (one) => [one.name, await one.found] as const);
  const known = Object.fromEntries(await Promise.all(found));
  refuseTwice(config, known);
  return { where: await where, instances: known };
}

/** An address that does not fit would cost the machine that is to get it, which is removed before Neutron is asked. */
function askForAddresses(
  config: StackConfiguration,
  where: Promise<{ subnet: string }>,
  answers: Answers,
): void {
  // A network that is not there is told already.
  const subnet = where.then((found) => found.subnet).catch(() => undefined);
  const cidr = subnet.then((id) => (id === undefined ? undefined : findCidr(id, config.openstack?.subnet)));
  answers.wanted(cidr);
  for (const { address, keys } of made(config).map(([, machine]) => machine)) {
    const fits = async () => {
      const network = await cidr.catch(() => undefined);
      if (address !== undefined && network !== undefined && !holds(network, address)) {
        throw new VisibleError([
          `${keys.address} is ${JSON.stringify(address)}: the subnet is ${network}; give an address in it`,
        ]);
      }
    };
    answers.wanted(fits());
  }
}

/** What the configuration's reader could not see: machines that are looked up may turn out to be one, or another's. */
function refuseTwice({ clients, server }: StackConfiguration, found: Record<string, FoundInstance>): void {
  const addressOf = ({ existing, openstack }: HostConfig) => existing?.address ?? openstack?.address;
  const looked = sorted(Object.keys(found));
  const taken = new Map<string | undefined, string>([[addressOf(server), "server"]]);
  for (const name of sorted(Object.keys(clients)).filter((client) => !looked.includes(client))) {
    taken.set(addressOf(clients[name]!), `clients.${name}`);
  }
  const sentences = looked.flatMap((name) => {
    const { address } = found[name]!;
    const other = taken.get(address);
    taken.set(address, other ?? `clients.${name}`);
    return other === undefined
      ? []
      : [
          `clients.${name}.instance has the address ${address}, as ${other}: name another instance, or put the directories of both there`,
        ];
  });
  if (sentences.length > 0) {
    throw new VisibleError(sentences, heading());
  }
}

function heading(): string {
  return `the stack ${pulumi.getStack()} and the cloud do not fit together; nothing was changed:`;
}

/** The machines that the stack makes, by their names: the server first. */
function made({ clients, server }: StackConfiguration): [string, OpenStackMachine][] {
  const all = [
    [server.name, server] as const,
    ...sorted(Object.keys(clients)).map((name) => [name, clients[name]!] as const),
  ];
  return all.flatMap(([name, { openstack }]): [string, OpenStackMachine][] =>
    openstack === undefined ? [] : [[name, openstack]],
  );
}

/** Each flavor, image or external network of a machine that is made, with the key where it is first named. */
function named(
  config: StackConfiguration,
  what: "flavor" | "floatingNetwork" | "image",
): Map<string, string> {
  return new Map(
    made(config)
      .reverse()
      .flatMap(([, machine]) => {
        const value = machine[what];
        return value === undefined ? [] : [[value, machine.keys[what]]];
      }),
  );
}

/**
 * A flavor is taken out of the cloud's list while machines go on with it. Where all of those are made that would have it,
 * nobody is made to name another one, which would resize them.
 */
async function checkFlavor(config: StackConfiguration, flavor: string, key: string): Promise<void> {
  try {
    await findFlavor(flavor, key);
  } catch (error) {
    const names = made(config).flatMap(([name, machine]) => (machine.flavor === flavor ? [name] : []));
    const retired = error instanceof VisibleError && !(error instanceof Unanswered) && (await areMade(names));
    if (!retired) {
      throw error;
    }
    await pulumi.log.warn(
      `${error.message}; the machines that have it go on, and none can be made with it or resized to it`,
    );
  }
}

async function areMade(names: readonly string[]): Promise<boolean> {
  const made = await Promise.all(names.map(hasPort)).catch(() => [false]);
  return made.every((one) => one);
}

/**
 * An image that is not listed is no mistake: it may be hidden, and it may be gone while machines that were made from it
 * go on. So nobody is made to name another one, which would rebuild them.
 */
async function warnOfImages(images: Map<string, string>, listed: readonly string[]): Promise<void> {
  for (const [image, key] of [...images].filter(([id]) => !listed.includes(id))) {
    await pulumi.log.warn(
      `${key} is "${image}": the cloud lists no such image; unless it is a hidden or community one, no machine can be ` +
        "made or rebuilt from it (`openstack image list` shows what there is), and those that there are go on",
    );
  }
}

/** Collects what is wrong with answers, so that all of it is told at once. */
class Answers {
  private readonly waiting: Promise<void>[] = [];
  private readonly sentences: string[] = [];
  private readonly unanswered: { error: Unanswered; needed: boolean }[] = [];

  /** An answer without which nothing can be declared. */
  needed<T>(answer: Promise<T>): Promise<T> {
    this.add(answer, true);
    return answer;
  }

  /** An answer that only tells of a mistake. */
  wanted(answer: Promise<unknown>): void {
    this.add(answer, false);
  }

  private add(answer: Promise<unknown>, needed: boolean): void {
    const told = (error: unknown) => {
      if (error instanceof Unanswered) {
        this.unanswered.push({ error, needed });
      } else if (error instanceof VisibleError) {
        this.sentences.push(error.message);
      } else {
        throw error;
      }
    };
    this.waiting.push(answer.then(() => undefined, told));
  }

  async all(): Promise<void> {
    await Promise.all(this.waiting);
    const needed = this.unanswered.some((one) => one.needed) || !pulumi.runtime.isDryRun();
    const failures = [...sorted(this.sentences), ...(needed ? this.ungiven() : [])];
    if (failures.length > 0) {
      throw new VisibleError(failures, heading());
    }
    for (const sentence of this.ungiven()) {
      await pulumi.log.warn(`not checked in this preview: ${sentence}`);
    }
  }

  /** Most often all have one reason, which is told once. */
  private ungiven(): string[] {
    const keys = new Map<string, string[]>();
    for (const { error } of this.unanswered) {
      keys.set(error.reason, [...(keys.get(error.reason) ?? []), error.key]);
    }
    return [...keys].map(([reason, list]) => `${sorted(list).join(", ")} could not be looked up: ${reason}`);
  }
}
