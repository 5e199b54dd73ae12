import * as net from "net";
import { type BackupSet } from "../amandaConf";
import { type Configuration, type HostConfig, type ServerConfig } from "./configuration";
import { type Problems } from "./problems";
import { WRONG } from "./section";

/** What a data volume needs beside vtapes and holding disk, for the file system itself, catalogue and ledger. */
const OVERHEAD = 1.05;
const MB_IN_GB = 1024;

/** Report what is wrong between machines that are right by themselves. */
export function checkMachines(configuration: Configuration, problems: Problems): void {
  checkNames(configuration, problems);
  checkAddresses(configuration, problems);
  checkVolume(configuration, problems);
  checkSource(configuration, problems);
}

function checkNames({ clients, server }: Configuration, problems: Problems): void {
  for (const name of Object.keys(clients).filter((client) => client === server.name)) {
    problems.add(
      `clients.${name}`,
      name,
      "the server has this name; its directories go to serverDirectories",
    );
  }
  // The name of the server in Pulumi, whatever Amanda calls it.
  if (server.openstack !== undefined && clients.backup?.openstack !== undefined) {
    problems.add(
      "clients.backup",
      "backup",
      "the machine of the server has this name in the stack, so no other that is made can have it; choose another name",
    );
  }
}

/** Of one that is looked up nothing is known yet. */
function addressOf({ existing, openstack }: HostConfig): string {
  return existing?.address ?? openstack?.address ?? WRONG;
}

function checkAddresses({ clients, server }: Configuration, problems: Problems): void {
  const machines = new Map<string, string>();
  for (const [name, client] of Object.entries(clients)) {
    const address = addressOf(client);
    if (address === WRONG) {
      continue;
    }
    const key = client.openstack?.keys.address ?? `clients.${name}.address`;
    // Whatever the port: it is the program's way in, and the server itself reaches port 22 alone.
    if (address === addressOf(server)) {
      problems.add(
        key,
        address,
        "the server has this address; its directories go to serverDirectories, and another machine needs an address of its own",
      );
    }
    const first = machines.get(address);
    if (first !== undefined) {
      problems.add(
        key,
        address,
        `clients.${first} has this address, of which the server reaches port 22 alone; put the directories of both there, or give this machine an address of its own`,
      );
    }
    machines.set(address, first ?? name);
  }
}

function checkVolume({ server, sets }: Configuration, problems: Problems): void {
  const { openstack } = server;
  const needed = Object.entries(sets).map(([name, set]) => [name, megabytes(set)] as const);
  const least = Math.ceil((needed.reduce((sum, [, size]) => sum + size, 0) * OVERHEAD) / MB_IN_GB);
  // A number that is wrong is NaN here, and is less than none.
  if (openstack?.volumeGB !== undefined && openstack.volumeGB < least) {
    const parts = needed.map(([name, size]) => `${name} ${size} MB`).join(", ");
    problems.add(
      openstack.keys.volumeGB,
      openstack.volumeGB,
      `the sets need ${least} GB (tapecycle × vtapeMB + holdingMB: ${parts}; and a twentieth for file system and catalogue); give at least that, or make the sets smaller`,
    );
  }
}

function megabytes({ tapecycle, vtapeMB, holdingMB }: BackupSet): number {
  return tapecycle * vtapeMB + holdingMB;
}

/** The clients' security group lets in the server, which OpenStack knows by its own group or by an address. */
function checkSource({ clients, server }: Configuration, problems: Problems): void {
  const made = Object.entries(clients).find(([, { openstack }]) => openstack !== undefined);
  if (made !== undefined && server.existing !== undefined && sourceOf(server) === undefined) {
    problems.missing(
      "server.sourceAddress",
      `give the address or network that the server's ssh comes from, which is to be let in by clients.${made[0]}`,
    );
  }
}

/** Where the ssh of a server comes from that is there already, if that is known. */
export function sourceOf({ existing, sourceAddress }: ServerConfig): string | undefined {
  const address = sourceAddress ?? existing?.address;
  // A wrong one has been reported.
  return address === WRONG || (address !== undefined && net.isIP(address.split("/")[0]!) !== 0)
    ? address
    : undefined;
}
