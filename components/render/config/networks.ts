import * as net from "net";
import { type Check } from "./section";

/** An IPv4 address. */
export const ipv4: Check<string> = (value) =>
  net.isIPv4(value) ? undefined : "give an IPv4 address like 10.1.0.11";

const CURE = "give a network like 10.1.0.0/24, or an address";

/** A network in CIDR form, or an address for a network of one. */
export const network: Check<string> = (value) => {
  const [base, bits, ...rest] = value.split("/") as [string, ...string[]];
  const whole = net.isIPv6(base) ? 128 : 32;
  const length = bits === undefined ? whole : Number(bits);
  // An address with a zone is none that a rule could carry.
  if (
    net.isIP(base) === 0 ||
    base.includes("%") ||
    rest.length > 0 ||
    !/^\d*$/.test(bits ?? "") ||
    bits === "" ||
    length > whole
  ) {
    return CURE;
  }
  const first = firstAddress(base, length);
  // Neutron would write it so, and every preview would show a change.
  return first === canonical(base) ? undefined : `it begins at ${first}; give ${first}/${length}`;
};

/** A network that `network` takes, in the form in which OpenStack keeps it. */
export function normalised(value: string): string {
  const [base, bits] = value.split("/") as [string, ...string[]];
  return `${canonical(base)}/${bits === undefined ? (net.isIPv6(base) ? 128 : 32) : Number(bits)}`;
}

/** Whether an IPv4 network holds an IPv4 address; of other families nothing is known. */
export function holds(cidr: string, address: string): boolean {
  const [, bits] = cidr.split("/") as [string, string];
  return canonical(firstAddress(address, Number(bits))) === canonical(cidr.split("/")[0]!);
}

/** The way to write an address that all agree on: of IPv6 the shortest. */
function canonical(address: string): string {
  return net.isIPv6(address) ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

/** The first address of the network of this length that the address is in. */
function firstAddress(address: string, length: number): string {
  const six = net.isIPv6(address);
  const [groups, width] = six ? [groupsOf(address), 16] : [address.split(".").map(Number), 8];
  const first = groups.map((group, index) => {
    const kept = Math.min(Math.max(length - index * width, 0), width);
    return group & (((1 << kept) - 1) << (width - kept));
  });
  return six ? canonical(first.map((group) => group.toString(16)).join(":")) : first.join(".");
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head, tail] = canonical(address)
    .split("::")
    .map((half) => (half === "" ? [] : half.split(":").map((group) => parseInt(group, 16)))) as [
    number[],
    number[]?,
  ];
  return tail === undefined
    ? head
    : [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
