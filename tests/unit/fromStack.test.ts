import * as pulumi from "@pulumi/pulumi";
import { BackupClient, inSets } from "../../components/backupClient";
import { BackupDirectory } from "../../components/backupDirectory";
import { BackupServer } from "../../components/backupServer";
import { type FromStackArgs, serverFacts } from "../../components/stackServer";
import { VisibleError } from "../../components/visibleError";
import { Secret, run } from "./engine";
import { prod } from "./prod";
import { runStack } from "./program";
import { ADMIN_KEY, host, HOST_KEYS } from "./stack";

const KEY = ADMIN_KEY.replace("administrators", "stacks");

const FACTS = {
  format: 1,
  serverName: "backup1",
  address: "198.51.100.77",
  port: 22,
  hostKey: HOST_KEYS[0],
  sourceAddress: "10.1.0.11",
  dumpPublicKey: "ssh-ed25519 AAAA dump",
  platform: "debian",
  identity: { generation: 1, instance: "id", image: "image" },
  sets: ["daily", "weekly"],
};

/** A program of another stack, with a client of its own that has one directory more than its inline ones. */
async function appStack(
  preview: boolean,
  backupServer: unknown = FACTS,
  {
    args = {},
    sets = ["daily"],
    platform = "debian",
  }: { args?: Partial<FromStackArgs>; sets?: string[]; platform?: string } = {},
) {
  const program = () => {
    const stack = new pulumi.StackReference("organization/amanda-backup/prod");
    const server = BackupServer.fromStack(stack, { enrolmentKey: KEY, ...args });
    const shop1 = new BackupClient("shop1", {
      host: host(1, { platform }),
      server,
      directories: [{ path: "/srv/shop", sets }],
    });
    new BackupDirectory("/etc", { client: shop1 });
  };
  return run(preview, program, { stackOutputs: backupServer === undefined ? {} : { backupServer } });
}

describe.each([
  ["preview", true],
  ["up", false],
])("%s", (_, preview) => {
  test("a client of another stack is set up for the server, and enrols with its own key", async () => {
    const { resources } = await appStack(preview);
    const inputs = (name: string) => resources.find((one) => one.name === name)!.inputs;
    const json = (name: string) => JSON.parse(inputs(name).stdin as string) as Record<string, unknown>;
    expect(json("shop1-setup-command").settings).toMatchObject({
      serverAddress: "10.1.0.11",
      dumpPublicKey: "ssh-ed25519 AAAA dump",
    });
    expect((inputs("shop1-enrolment-command").connection as Secret).value).toMatchObject({
      host: "198.51.100.77",
      user: "enrol",
      hostKey: HOST_KEYS[0],
      privateKey: KEY,
    });
    expect(json("shop1-enrolment-command")).toMatchObject({
      fragment: "shop1",
      identity: { ...FACTS.identity, resource: expect.stringContaining("::shop1") as unknown },
      disklist: { daily: expect.stringMatching(/^# amanda-backup.test shop1\n/) as unknown },
    });
    expect(inputs("/etc-enrolment").disklist).toEqual({
      daily: '# amanda-backup.test shop1+/etc\nshop1 "/etc" "/etc" {\n    encrypt-gnutar-ssh\n}\n',
    });
  });

  test("its private key is nowhere but in secrets", async () => {
    const { resources } = await appStack(preview);
    const plain = JSON.stringify(resources, (_key, value: unknown) =>
      value instanceof Secret ? "[secret]" : value,
    );
    expect(plain).not.toContain("the-stacks-own");
  });
});

test("a namespace of another name and a bastion are taken", async () => {
  const proxy = { address: "203.0.113.5", user: "jump", hostKey: HOST_KEYS[2] };
  const { resources } = await appStack(false, FACTS, { args: { namespace: "webshop", proxy } });
  const { connection, stdin } = resources.find(({ name }) => name === "shop1-enrolment-command")!.inputs;
  expect((connection as Secret).value).toMatchObject({ proxy: { host: "203.0.113.5", user: "jump" } });
  expect(JSON.parse(stdin as string).disklist.daily).toMatch(/^# webshop shop1\n/);
});

test("a client of another family than the server's gets the dumptype of its own", async () => {
  const { resources } = await appStack(false, FACTS, { platform: "redhat" });
  const { stdin } = resources.find(({ name }) => name === "shop1-enrolment-command")!.inputs;
  expect(JSON.parse(stdin as string).directories[0].dumptype).toBe("encrypt-gnutar-ssh-redhat");
});

test("it reads what the server's stack gives out", async () => {
  const { outputs } = await runStack(false, prod());
  const { resources } = await appStack(false, outputs.backupServer);
  const { stdin } = resources.find(({ name }) => name === "shop1-setup-command")!.inputs;
  expect(JSON.parse(stdin as string).settings).toMatchObject({
    serverAddress: "10.1.0.11",
    dumpPublicKey: outputs.dumpPublicKey,
  });
});

test.each([
  [
    "a stack that is no backup server's",
    undefined,
    "the stack organization/amanda-backup/prod has no output backupServer: name the stack of the backup server, and run `pulumi up` there first",
  ],
  [
    "a stack of a later version",
    { ...FACTS, format: 2 },
    "the stack organization/amanda-backup/prod has backupServer in format 2, and this version knows format 1: take the version of amanda-backup that made that stack",
  ],
])("%s is one sentence", (_, facts, sentence) => {
  expect(() => serverFacts("organization/amanda-backup/prod", facts)).toThrow(new VisibleError([sentence]));
});

test("a set that the server has not is told as in the server's own stack", () => {
  const directory = {
    name: "/srv",
    path: "/srv",
    dumptype: "x",
    exclude: [],
    include: [],
    before: [],
    after: [],
  };
  expect(() => inSets(FACTS.sets, "shop1.directories[0]", { ...directory, sets: ["monthly"] })).toThrow(
    new VisibleError(['shop1.directories[0].sets[0] is "monthly": no such set; known: daily, weekly']),
  );
});

test("a namespace that the server could not take is told at once", async () => {
  await expect(appStack(true, FACTS, { args: { namespace: "web shop" } })).rejects.toThrow(
    new VisibleError([
      "the namespace is \"web shop\": use PROJECT.STACK, at most 63 letters, digits, '.', '_' and '-', with a letter or digit first",
    ]),
  );
});
