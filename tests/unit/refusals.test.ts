import { explain, type Wording } from "../../components/render/openStackErrors";
import { findInstance } from "../../components/openStackLookups";
import * as pulumi from "@pulumi/pulumi";
import { VisibleError } from "../../components/visibleError";
import { CLOUD, type Cloud, run } from "./engine";
import { type Mapping, prod } from "./prod";
import { runStack } from "./program";
import { REFUSALS } from "./refusalCases";
import { NOTHING, refusal, refusing, SEVERAL, told } from "./told";

const WORDING: Wording = {
  address: 'clients.web1.openstack.address is "10.1.0.20"',
  flavor: 'openstack.flavor is "m1.small"',
  floatingNetwork: 'server.openstack.floatingNetwork is "public"',
  image: 'openstack.image is "1f2f"',
  network: 'openstack.network is "backup"',
  volumeGB: "server.openstack.volumeGB is 100",
};

test.each(REFUSALS)("%s is one sentence", (_, type, operation, error, sentence) => {
  expect(explain({ type: `openstack:${type}`, operation, error }, WORDING)).toBe(sentence);
});

test("what is not known is left to the provider's words", () => {
  const failure = {
    type: "openstack:compute/instance:Instance",
    operation: "create",
    error: "the moon is full",
  };
  expect(explain(failure, WORDING)).toBeUndefined();
});

/** What the program logs while it runs. */
async function logged(program: () => Promise<void>): Promise<string[]> {
  const sentences: string[] = [];
  const log = jest.spyOn(pulumi.log, "error").mockImplementation((text) => {
    sentences.push(text);
    return Promise.resolve();
  });
  await program();
  log.mockRestore();
  return sentences;
}

test("the engine's hook says it with the configuration's own key, and asks for no further try", async () => {
  const { hooks } = await runStack(false, prod());
  const failing = {
    urn: "urn",
    id: "",
    name: "backup-host-instance",
    type: "openstack:compute/instance:Instance",
    failedOperation: "create",
    errors: ["Unable to find flavor with name m1.large", "an older error"],
  };
  let again: boolean | undefined;
  const sentences = await logged(async () => {
    again = await hooks.get("explaining OpenStackHost backup-host")!.callback(failing);
  });
  expect(again).toBe(false);
  expect(sentences).toEqual([
    'backup-host-instance: server.openstack.flavor is "m1.large": the cloud has no such flavor; `openstack flavor list` shows them; then run `pulumi up --refresh`',
  ]);
});

test.each<[string, Cloud, string]>([
  [
    "an unknown network",
    refusing("getNetwork", NOTHING),
    'openstack.network is "backup": the project sees no network of this name; `openstack network list` shows them',
  ],
  [
    "a name that two networks have",
    refusing("getNetwork", SEVERAL),
    'openstack.network is "backup": several networks have this name; give the id of one',
  ],
  [
    "a host name that two ports have",
    refusing("getPort", "More than one openstack_networking_port_v2 found (2)"),
    'clients.mail1.instance.name is "mail1": several instances or ports have this name; give the instance\'s id',
  ],
  [
    "an instance that is gone, of which the provider tells nothing",
    (token, inputs) => (token.endsWith("getInstanceV2") ? { id: "" } : CLOUD(token, inputs)),
    'clients.mail1.instance.name is "mail1": the project sees no such instance; `openstack server list` shows them',
  ],
  [
    "an instance without an address",
    (token, inputs) =>
      token.endsWith("getInstanceV2") ? { name: "mail1", networks: [] } : CLOUD(token, inputs),
    'clients.mail1.instance.name is "mail1": this instance has no IPv4 address; give it one',
  ],
  [
    "an instance with two addresses, which come in any order",
    (token, inputs) =>
      token.endsWith("getInstanceV2")
        ? { name: "mail1", networks: [{ fixedIpV4: "192.0.2.9" }, { fixedIpV4: "10.1.0.40" }] }
        : CLOUD(token, inputs),
    'clients.mail1.instance.name is "mail1": this instance has 10.1.0.40 and 192.0.2.9; give the one to reach it by as clients.mail1.instance.address',
  ],
])("%s is told before anything is declared", async (_, cloud, sentence) => {
  for (const preview of [true, false]) {
    expect(await told(cloud, preview)).toEqual([
      "the stack test and the cloud do not fit together; nothing was changed:",
      sentence,
    ]);
  }
});

test.each([
  'Unable to list openstack_networking_ports_v2: Bad request with: [GET https://neutron/ports?dns_name=mail1], error message: {"NeutronError": {"type": "HTTPBadRequest", "message": "[\'dns_name\'] is invalid attribute for filtering"}}',
  "No openstack_networking_port_v2 found",
])("without host names in Neutron the instances are asked: %s", async (text) => {
  const instances =
    (names: string[]): Cloud =>
    (token, inputs) => {
      switch (token.split(":").pop()) {
        case "getPortIds":
          return { ids: [...names.keys(), "router", "free"].map(String) };
        case "getPort":
          if (inputs.dnsName !== undefined) {
            throw refusal(text);
          }
          return inputs.portId === "router" || inputs.portId === "free"
            ? { deviceId: inputs.portId === "free" ? "" : "router", deviceOwner: "network:router_interface" }
            : { deviceId: inputs.portId, deviceOwner: "compute:nova" };
        case "getInstanceV2":
          return { id: inputs.id, name: names[Number(inputs.id)], networks: [{ fixedIpV4: "10.1.0.9" }] };
        default:
          return CLOUD(token, inputs);
      }
    };
  expect(await told(instances(["web1", "mail1", "mail10"]), true)).toEqual([]);
  expect((await told(instances(["web1", "mail10"]), true)).slice(1)).toEqual([
    'clients.mail1.instance.name is "mail1": the project sees no such instance; `openstack server list` shows them',
  ]);
  expect((await told(instances(["mail1", "mail1"]), true)).slice(1)).toEqual([
    'clients.mail1.instance.name is "mail1": several instances or ports have this name; give the instance\'s id',
  ]);
});

test("an instance by its id is asked from Nova alone", async () => {
  const id = "0e7d1c9a-54a5-4d6e-9c55-0f5f0f3b8a11";
  const gone: Cloud = (token, inputs) =>
    token.endsWith("getInstanceV2") ? { id: "" } : CLOUD(token, inputs);
  const sentences = await told(gone, true, ({ clients }) => (clients.mail1.instance = { id }));
  expect(sentences.slice(1)).toEqual([
    `clients.mail1.instance.id is "${id}": the project sees no such instance; \`openstack server list\` shows them`,
  ]);
});

test("of an instance with several addresses the wished-for one is taken, and must be one of them", async () => {
  const cloud: Cloud = (token, inputs) =>
    token.endsWith("getInstanceV2")
      ? { name: "mail1", networks: [{ fixedIpV4: "192.0.2.9" }, { fixedIpV4: "10.1.0.40" }] }
      : CLOUD(token, inputs);
  const found = (address: string) => findInstance("clients.mail1.instance", { name: "mail1", address });
  const answers: unknown[] = [];
  await run(
    true,
    async () => {
      answers.push((await found("10.1.0.40")).address);
      await expect(found("10.1.0.41")).rejects.toThrow(
        'clients.mail1.instance.address is "10.1.0.41": the instance has 10.1.0.40, 192.0.2.9; give one of these',
      );
    },
    { cloud },
  );
  expect(answers).toEqual(["10.1.0.40"]);
});

test.each([{}, { id: "0e7d1c9a-54a5-4d6e-9c55-0f5f0f3b8a11", name: "mail1" }])(
  "a program that does not say which instance is told so: %j",
  async (which) => {
    await expect(findInstance("ExistingInstance", which)).rejects.toThrow(
      new VisibleError(["ExistingInstance needs exactly one of id and name"]),
    );
  },
);

test("two clients that turn out to be one instance are told", async () => {
  const twice = ({ clients }: Mapping) => (clients.mail2 = { ...clients.mail1 });
  expect((await told(CLOUD, true, twice)).slice(1)).toEqual([
    "clients.mail2.instance has the address 10.1.0.99, as clients.mail1: name another instance, or put the directories of both there",
  ]);
  const server = ({ server }: Mapping) => (server.openstack.address = "10.1.0.99");
  expect((await told(CLOUD, true, server)).slice(1)).toEqual([
    "clients.mail1.instance has the address 10.1.0.99, as server: name another instance, or put the directories of both there",
  ]);
});

test("unknown flavors are told all at once, each by the key that names it", async () => {
  expect((await told(refusing("getFlavor", NOTHING), true)).slice(1)).toEqual([
    'openstack.flavor is "m1.small": the cloud has no such flavor; `openstack flavor list` shows them',
    'server.openstack.flavor is "m1.large": the cloud has no such flavor; `openstack flavor list` shows them',
  ]);
});

test("a network that gives no floating addresses is told before a machine is made for one", async () => {
  const cloud: Cloud = (token, inputs) => {
    if (inputs.external === true) {
      throw refusal(NOTHING);
    }
    return CLOUD(token, inputs);
  };
  const floating = ({ clients, server }: Mapping) => {
    clients.web1.openstack.floatingNetwork = "outside";
    server.openstack.floatingNetwork = "outside";
  };
  expect((await told(cloud, true, floating)).slice(1)).toEqual([
    'server.openstack.floatingNetwork is "outside": the project sees no external network of this name; `openstack network list --external` shows them',
  ]);
});

test("a subnet is looked up when none is given, and has to be one", async () => {
  const sentences = await told(
    refusing("getSubnet", SEVERAL),
    true,
    ({ openstack }) => delete openstack.subnet,
  );
  expect(sentences.slice(1)).toEqual([
    'openstack.network is "backup": it has several IPv4 subnets; give the id of one as openstack.subnet',
  ]);
});

test("an image that is not listed is a warning, since machines made from it go on", async () => {
  const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue();
  const cloud: Cloud = (token, inputs) =>
    token.endsWith("getImageIds") ? { ids: ["another"] } : CLOUD(token, inputs);
  expect(await told(cloud, true)).toEqual([]);
  expect(warned.mock.calls.map(([text]) => text)).toEqual([
    expect.stringMatching(/^openstack.image is "1f2f0a4e-[^"]+": the cloud lists no such image; unless/),
  ]);
  warned.mockRestore();
});

const LOCKED_OUT: Cloud = () => {
  throw refusal("Error creating OpenStack compute client: Authentication failed");
};

test("wrong credentials are one sentence, whatever was asked for", async () => {
  expect((await told(LOCKED_OUT, false)).slice(1)).toEqual([
    "clients.mail1.instance.name, openstack.flavor, openstack.image, openstack.network, server.openstack.flavor could not be looked up: OpenStack does not take the credentials: check OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME, or the cloud that OS_CLOUD names in clouds.yaml",
  ]);
});

test("where all ids are given a preview goes on without the cloud, and `up` does not", async () => {
  const ids = ({ clients, openstack }: Mapping) => {
    openstack.network = openstack.subnet as string;
    delete clients.mail1;
  };
  const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue();
  expect(await told(LOCKED_OUT, true, ids)).toEqual([]);
  expect(warned.mock.calls.map(([text]) => text)).toEqual([
    expect.stringMatching(
      /^not checked in this preview: openstack.flavor, openstack.image, openstack.subnet, server.openstack.flavor could not be looked up: OpenStack does not/,
    ),
  ]);
  warned.mockRestore();
  expect(await told(LOCKED_OUT, false, ids)).toHaveLength(2);
});
