import * as pulumi from "@pulumi/pulumi";
import { type Cloud } from "./engine";
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
