import * as pulumi from "@pulumi/pulumi";
import { CLOUD, type Cloud } from "./engine";
import { NOTHING, refusing, told } from "./told";

test("a flavor that is gone is a warning where all machines that have it are made", async () => {
  const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue();
  const cloud =
    (ports: string[]): Cloud =>
    (token, inputs) =>
      token.endsWith("getPortIds")
        ? { ids: ports.filter((port) => port === inputs.name) }
        : refusing("getFlavor", NOTHING)(token, inputs);
  const gone = '.flavor is "m1.large": the cloud has no such flavor; `openstack flavor list` shows them';
  expect(await told(cloud(["backup1", "web1"]), true)).toEqual([]);
  expect(warned.mock.calls.map(([text]) => text)).toContain(
    `server.openstack${gone}; the machines that have it go on, and none can be made with it or resized to it`,
  );
  expect((await told(cloud(["web1"]), true)).slice(1)).toEqual([`server.openstack${gone}`]);
  warned.mockRestore();
});

test("addresses outside of the subnet are told before the machines that are to get them are removed", async () => {
  const moved: Cloud = (token, inputs) =>
    token.endsWith("getSubnet") ? { id: "subnet-id", cidr: "10.2.0.0/24" } : CLOUD(token, inputs);
  const sentence = (key: string, address: string) =>
    `${key}.openstack.address is "${address}": the subnet is 10.2.0.0/24; give an address in it`;
  expect((await told(moved, true)).slice(1)).toEqual([
    sentence("clients.web1", "10.1.0.20"),
    sentence("server", "10.1.0.11"),
  ]);
  expect((await told(refusing("getSubnet", NOTHING), true)).slice(1)).toEqual([
    'openstack.subnet is "6f0c8c0e-4a4c-4c3e-9a53-0d6f0c1f7a21": the project sees no such subnet; `openstack subnet list` shows their ids',
  ]);
});
