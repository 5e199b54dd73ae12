import { OpenStackHost } from "../../components/openStackHost";
import { once, SshAccess } from "../../components/sshAccess";
import { VisibleError } from "../../components/visibleError";
import { run, type Secret, UNKNOWN } from "./engine";
import { existing, prod } from "./prod";
import { runStack } from "./program";

const OPENSTACK = /^openstack:/;

test("with a floating address the server is dialled there, and seen by clients at its own", async () => {
  const config = prod(({ server }) => (server.openstack.floatingNetwork = "public"));
  const { outputs, resources } = await runStack(false, config);
  const stdin = (name: string) =>
    JSON.parse(resources.find((one) => one.name === `${name}-command`)!.inputs.stdin as string).settings as {
      address: string;
      serverAddress: string;
    };
  expect(resources.find(({ name }) => name === "backup-host-floating")!.inputs).toEqual({
    pool: "public",
    portId: "backup-host-port-id",
  });
  expect(outputs).toMatchObject({
    serverAddress: "198.51.100.77",
    backupServer: { address: "198.51.100.77", sourceAddress: "10.1.0.11" },
  });
  expect(stdin("backup-setup").address).toBe("10.1.0.11");
  expect(stdin("web1-setup").serverAddress).toBe("10.1.0.11");
});

test("clients that are made let in a server that is there already by its address", async () => {
  const config = prod((all) => {
    const { hostKey } = all.clients.db1;
    all.server = { name: "backup1", address: "192.0.2.10", user: "debian", hostKey };
  });
  const { resources } = await runStack(true, config);
  const from = resources
    .filter(({ type }) => type.endsWith("SecGroupRule"))
    .map(({ inputs }) => inputs.remoteIpPrefix);
  expect(from.sort()).toEqual(["192.0.2.10/32", "198.51.100.0/24"]);
});

test("another team's machine is reached through the bastion also where none is made, and needs no more keys", async () => {
  const { clients, openstack } = prod();
  const config = existing((all) => {
    all.openstack = { bastion: openstack.bastion as unknown };
    all.clients = { mail1: clients.mail1 as unknown };
    all.directories = [];
  });
  const { resources } = await runStack(false, config);
  const { connection } = resources.find(({ name }) => name === "mail1-setup-command")!.inputs;
  expect((connection as Secret).value).toMatchObject({ host: "10.1.0.99", proxy: { host: "203.0.113.5" } });
});

test("the command line for the state of the backups names other ports than 22", async () => {
  const config = existing((all) => (all.server.port = 2222));
  expect((await runStack(false, config)).outputs.statusCommand).toBe(
    "ssh -p 2222 debian@192.0.2.10 sudo backupctl status",
  );
  const behind = prod(({ openstack }) => (openstack.bastion.port = 2200));
  expect((await runStack(true, behind)).outputs.statusCommand).toBe(
    "ssh -J jump@203.0.113.5:2200 debian@10.1.0.11 sudo backupctl status",
  );
});

test("what needs no cloud asks none", async () => {
  expect((await runStack(true)).calls).toEqual([]);
});

test("each flavor is asked for once, the images too, and a network only by its name", async () => {
  const network = "6f0c8c0e-4a4c-4c3e-9a53-0d6f0c1f7a22";
  const config = prod((all) => {
    all.openstack.network = network;
    delete all.clients.mail1;
    all.clients.web2 = { openstack: { address: "10.1.0.30" }, directories: [] };
  });
  const { calls } = await runStack(false, config);
  const asked = calls.map(([token, { name }]) => [token.split(":").pop(), name]);
  expect(asked.sort()).toEqual([
    ["getFlavor", "m1.large"],
    ["getFlavor", "m1.small"],
    ["getImageIds", undefined],
    ["getSubnet", undefined],
  ]);
});

test("a language host that knows no error hooks gets none, and the program goes on", async () => {
  const { resources } = await runStack(false, prod(), {}, { errorHooks: false });
  const hooked = resources.filter(({ onError }) => onError.length > 0);
  expect(hooked).toEqual([]);
  expect(resources.filter(({ type }) => OPENSTACK.test(type))).toHaveLength(12);
});

test("an administrator's key that is added changes no machine's other inputs", async () => {
  const inputs = async (config: Record<string, unknown>) =>
    (await runStack(true, config)).resources
      .filter(({ type }) => OPENSTACK.test(type))
      .map((resource) => ({ ...resource, inputs: { ...resource.inputs, userData: undefined } }));
  const more = prod(({ openstack, clients }) => openstack.adminKeys.push(clients.db1.hostKey));
  expect(await inputs(more)).toEqual(await inputs(prod()));
});

test.each([
  ["preview", true],
  ["up", false],
])("%s: without an address Neutron chooses, and the server learns what", async (_, preview) => {
  const config = prod(({ clients, server }) => {
    delete clients.web1.openstack.address;
    delete server.openstack.address;
  });
  const { outputs, resources } = await runStack(preview, config);
  const inputs = (name: string) => resources.find((one) => one.name === name)!.inputs;
  expect(inputs("web1-host-port").fixedIps).toEqual([{ subnetId: prod().openstack.subnet as string }]);
  expect(outputs.serverAddress).toBe(preview ? "unknown" : "10.1.0.77");
  const { stdin } = inputs("web1-enrolment-command");
  expect(preview ? stdin : (JSON.parse(stdin as string) as { address: string }).address).toBe(
    preview ? UNKNOWN : "10.1.0.77",
  );
});

const OTHERS_SERVER = {
  serverName: "backup1",
  sourceAddress: "10.1.0.11",
  dumpPublicKey: "",
  enrolment: { address: "", user: "", hostKey: "", identity: { generation: 1 } },
  namespace: "webshop.prod",
  sets: [],
  platform: "debian",
};

test("a group for a server of another stack lets it in by the address that its stack tells", async () => {
  const server = OTHERS_SERVER;
  const { resources } = await run(false, () => new SshAccess("shop", { networks: ["192.0.2.7"], server }));
  const from = resources.map(({ name, inputs }) => [name, inputs.remoteIpPrefix]);
  expect(Object.fromEntries(from)).toMatchObject({
    "shop-ssh-192.0.2.7/32": "192.0.2.7/32",
    "shop-ssh-server": "10.1.0.11/32",
  });
});

test("a network from which that server comes anyway is told, since Neutron takes no rule twice", () => {
  expect(once("shop", ["192.0.2.7/32"], "10.1.0.11/32")).toBe("10.1.0.11/32");
  expect(() => once("shop", ["10.1.0.11/32", "192.0.2.7/32"], "10.1.0.11/32")).toThrow(
    new VisibleError([
      "SshAccess shop.networks holds 10.1.0.11/32, from where the backup server comes anyway: leave it out",
    ]),
  );
});

test("a machine and its access may have one name", async () => {
  const program = () => {
    const access = new SshAccess("shop", { networks: ["192.0.2.7"] });
    new OpenStackHost("shop", {
      access,
      adminKeys: [],
      flavor: "m1.small",
      image: "image-id",
      network: "network-id",
      subnet: "subnet-id",
    });
  };
  const { hooks } = await run(false, program);
  expect([...hooks.keys()]).toEqual(["explaining SshAccess shop", "explaining OpenStackHost shop"]);
});

test("a program's network that is none is told before anything is declared", async () => {
  const wrong = () => new SshAccess("shop", { networks: ["10.1.0.7/24"] });
  await expect(run(false, wrong)).rejects.toThrow(
    new VisibleError([
      'SshAccess shop.networks[0] is "10.1.0.7/24": it begins at 10.1.0.0; give 10.1.0.0/24',
    ]),
  );
});
