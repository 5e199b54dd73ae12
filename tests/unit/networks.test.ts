import fc from "fast-check";
import * as net from "net";
import { network, normalised } from "../../components/render/config/networks";

const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });

/** The number that an IPv4 address is. */
const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

test("an IPv4 network is right exactly when its address has no bit below the mask", () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 32 }), (parts, length) => {
      const address = parts.join(".");
      const clean = number(address) % 2 ** (32 - length) === 0;
      expect(network(`${address}/${length}`) === undefined).toBe(clean);
    }),
  );
});

test("what is refused names the network that is right", () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 32 }), (parts, length) => {
      const cure = network(`${parts.join(".")}/${length}`);
      fc.pre(cure !== undefined);
      const given = / give (\S+)$/.exec(cure!)![1]!;
      expect(network(given)).toBeUndefined();
      expect(normalised(given)).toBe(given);
    }),
  );
});

test("every address is a network of one, and its form is the same whatever way it is written", () => {
  const ipv6 = groups.map((list) => list.map((group) => group.toString(16)).join(":"));
  fc.assert(
    fc.property(
      fc.oneof(
        bytes.map((parts) => parts.join(".")),
        ipv6,
      ),
      (address) => {
        expect(network(address)).toBeUndefined();
        const form = normalised(address);
        expect(form.endsWith(net.isIPv6(address) ? "/128" : "/32")).toBe(true);
        expect(normalised(form)).toBe(form);
        expect(normalised(address.toUpperCase())).toBe(form);
      },
    ),
  );
});

test.each([
  ["2001:db8::/32", "2001:db8::/32"],
  ["2001:DB8:0:0::/64", "2001:db8::/64"],
  ["::/0", "::/0"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["10.1.0.0/024", "10.1.0.0/24"],
])("%s is kept as %s", (given, kept) => {
  expect(network(given)).toBeUndefined();
  expect(normalised(given)).toBe(kept);
});

test.each([
  "",
  "10.1.0.0/",
  "10.1.0.0/-1",
  "10.1.0.0/24/8",
  "10.1.0/24",
  "web1",
  "fe80::1%eth0",
  "fe80::1%eth0/64",
  "::/129",
])("%j is no network", (value) => {
  expect(network(value)).toBe("give a network like 10.1.0.0/24, or an address");
});

test("an IPv6 network that begins elsewhere is told where it does", () => {
  expect(network("2001:db8::7/32")).toBe("it begins at 2001:db8::; give 2001:db8::/32");
});
