import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { explain } from "./render/openStackErrors";
import { VisibleError } from "./visibleError";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The ids of a network and of a subnet in it. Where both are given as ids nobody is asked. */
export function findNetwork(
  network: string,
  subnet: string | undefined,
): { network: pulumi.Output<string>; subnet: pulumi.Output<string> } {
  const isId = ID.test(network);
  const networkId = isId
    ? Promise.resolve(network)
    : ask(
        openstack.networking.getNetwork({ name: network }).then(({ id }) => id),
        `openstack.network is ${JSON.stringify(network)}`,
        {
          none: "the project sees no network of this name; `openstack network list` shows them",
          several: "several networks have this name; give the id of one",
        },
      );
  const subnetId =
    subnet === undefined
      ? networkId.then((id) =>
          ask(
            openstack.networking.getSubnet({ networkId: id, ipVersion: 4 }).then((found) => found.id),
            `openstack.network is ${JSON.stringify(network)}`,
            {
              none: "it has no IPv4 subnet, or the project does not see it; name another one",
              several: "it has several IPv4 subnets; give the id of one as openstack.subnet",
            },
          ),
        )
      : Promise.resolve(subnet);
  return { network: pulumi.output(networkId), subnet: pulumi.output(subnetId) };
}

/**
 * The name of a flavor, once the cloud has said that it has it: otherwise a machine's port and volume would be made
 * before it is refused. `key` is what the user calls it. A preview without the cloud goes on with a warning.
 */
export function checkedFlavor(flavor: string, key: string): pulumi.Output<string> {
  const asked = ask(
    openstack.compute.getFlavor({ name: flavor }).then(() => flavor),
    `${key} is ${JSON.stringify(flavor)}`,
    {
      none: "the cloud has no such flavor; `openstack flavor list` shows them",
      several: "several flavors have this name; name another one",
    },
  );
  return pulumi.output(
    asked.catch(async (error: unknown) => {
      if (!pulumi.runtime.isDryRun() || !(error instanceof Unanswered)) {
        throw error;
      }
      await pulumi.log.warn(`flavors are not checked in this preview: ${error.message}`);
      return flavor;
    }),
  );
}

/** The cloud could not be asked. */
export class Unanswered extends VisibleError {}

/** An answer of the cloud, or one sentence. `what` begins it: the key and its value. */
export async function ask<T>(
  answer: Promise<T>,
  what: string,
  cures: { none: string; several: string },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/[Mm]ore than one/.test(text)) {
      throw new VisibleError([`${what}: ${cures.several}`]);
    }
    if (/returned no |No openstack_\S+ found/.test(text)) {
      throw new VisibleError([`${what}: ${cures.none}`]);
    }
    const sentence = explain({ type: "", operation: "read", error: text });
    throw new Unanswered([`${what}: it could not be looked up: ${sentence ?? text}`]);
  }
}
