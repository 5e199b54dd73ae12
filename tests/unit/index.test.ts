import * as pulumi from "@pulumi/pulumi";
import { type Program, runStack } from "./program";
import { existing } from "./prod";

const PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nadmin\n-----END OPENSSH PRIVATE KEY-----";

describe.each([
  ["preview", true],
  ["up", false],
])("%s", (_, preview) => {
  let program: Program;
  beforeAll(async () => {
    program = await runStack(preview);
  });

  test("the outputs are the API that README lists", () => {
    const unknown = expect.anything() as unknown;
    expect(program.outputs).toEqual({
      backupServer: preview
        ? "unknown"
        : {
            format: 1,
            serverName: "backup1",
            address: "192.0.2.10",
            port: 22,
            hostKey: existing().server.hostKey as string,
            sourceAddress: "192.0.2.10",
            dumpPublicKey: program.outputs.dumpPublicKey,
            platform: "debian",
            identity: { generation: 1 },
            sets: ["daily"],
          },
      clients: { db1: ["postgres"], web1: ["/etc", "/home", "/srv/www"] },
      dumpPublicKey: preview
        ? "unknown"
        : (expect.stringMatching(/^ssh-ed25519 AAAA\S+ amanda-backup.test backup-dump$/) as unknown),
      mirrorPath: "/mnt/gdata/amanda",
      ready: preview ? "unknown" : true,
      serverAddress: "192.0.2.10",
      serverHostKey: unknown,
      sets: ["daily"],
      statusCommand: "ssh debian@192.0.2.10 sudo backupctl status",
    });
    expect(program.outputs.serverHostKey).toBe(existing().server.hostKey);
  });

  test("no output holds a secret", () => {
    const text = JSON.stringify(program.outputs);
    expect(program.secrets.filter((secret) => text.includes(secret))).toEqual([]);
    expect(program.secrets).toHaveLength(preview ? 0 : 5);
  });

  test("a stand-alone directory has its own enrolment, an inline one has none", () => {
    const enrolments = program.resources.filter(({ name }) => name.endsWith("-enrolment-command"));
    expect(enrolments.map(({ name }) => name).sort()).toEqual([
      "db1-enrolment-command",
      "web1+/etc-enrolment-command",
      "web1-enrolment-command",
    ]);
  });
});

test("the server's document carries what the configuration says", async () => {
  const { resources } = await runStack(false);
  const { stdin } = resources.find(({ name }) => name === "backup-setup-command")!.inputs;
  const { settings, files, programs, ...rest } = JSON.parse(stdin as string);
  expect(rest).toEqual({
    format: 1,
    role: "server",
    identity: { generation: 1 },
    boot: null,
    closeMetadata: false,
  });
  expect(Object.keys(files)).toEqual(["/etc/amanda/daily/amanda.conf", "/etc/cron.d/amanda-backup"]);
  expect(programs).toHaveProperty(["bootstrap.py"]);
  expect(settings).toMatchObject({
    stack: "amanda-backup.test",
    name: "backup1",
    address: "192.0.2.10",
    dataPath: "/srv/amanda",
    dataVolume: null,
    platform: { family: "debian" },
    sets: { daily: { tapecycle: 16, vtapeMB: 4096, runtapes: 2, holdingMB: 8192 } },
    encryption: { keyId: "2026a" },
    mirror: { user: "gmirror", path: "/mnt/gdata/amanda", mount: "/mnt/gdata", fstype: "nfs4", keepDays: 30 },
    namespaces: {
      "amanda-backup.test": { publicKey: expect.stringMatching(/^ssh-ed25519 /) as unknown, hosts: ["*"] },
      "webshop.prod": {
        publicKey: expect.stringMatching(/^ssh-ed25519 /) as unknown,
        hosts: ["shop1", "10.1.0.0/24"],
      },
    },
    ownDirectories: [{ name: "/etc/amanda" }, { name: "/etc/amanda-backup", exclude: ["./keys", "./ssh"] }],
    hooks: {},
    lockWaitMinutes: 30,
    notify: { mail: "root" },
  });
});

test("a reviewer sees the mirror and the server's own entries", async () => {
  const { resources } = await runStack(true);
  const { mirror, disklist } = resources.find(({ name }) => name === "backup-setup")!.inputs;
  expect(mirror).toEqual({ ...existing().mirror, keepDays: 30 });
  expect(disklist).toEqual({
    daily: expect.stringMatching(/^# amanda-backup.test backup1\nbackup1 "\/etc\/amanda" /) as unknown,
  });
});

test("what the server's section says reaches the server", async () => {
  const { resources } = await runStack(
    false,
    existing(({ server }) => {
      Object.assign(server, { lockWaitMinutes: 5, dataPath: "/srv/dumps", sourceAddress: "10.0.0.0/8" });
      server.hooks = { stop: { user: "root", script: "#!/bin/sh\n" } };
    }),
  );
  const settings = (name: string) =>
    JSON.parse(resources.find((resource) => resource.name === name)!.inputs.stdin as string).settings;
  expect(settings("backup-setup-command")).toMatchObject({
    lockWaitMinutes: 5,
    dataPath: "/srv/dumps",
    hooks: { stop: { user: "root" } },
  });
  expect(settings("web1-setup-command").serverAddress).toBe("10.0.0.0/8");
});

test("the secrets' document carries the keys in the form that amcrypt and ssh take", async () => {
  const { resources } = await runStack(false);
  const { stdin } = resources.find(({ name }) => name === "backup-amcrypt-2026a-setup-command")!.inputs;
  const { settings } = JSON.parse((stdin as { value: string }).value);
  expect(settings).toMatchObject({
    keyId: "2026a",
    passphrase: expect.stringMatching(/^[a-zA-Z0-9]+$/) as unknown,
  });
  expect(settings.keyText).toMatch(/^([A-Za-z0-9]{60}\n){65}$/);
  expect(Object.keys(settings.identities)).toEqual(["dump", "sign"]);
});

test("a client's document carries the server's key and its hooks, and no key of the stack", async () => {
  const { resources } = await runStack(false);
  const { stdin } = resources.find(({ name }) => name === "db1-setup-command")!.inputs;
  const { role, settings } = JSON.parse(stdin as string);
  expect(role).toBe("client");
  expect(settings).toEqual({
    platform: expect.objectContaining({ family: "debian" }) as unknown,
    name: "db1",
    serverAddress: "192.0.2.10",
    dumpPublicKey: expect.stringMatching(/^ssh-ed25519 /) as unknown,
    hooks: { "dump-db": { user: "postgres", script: expect.stringMatching(/^#!\/bin\/sh\n/) as unknown } },
  });
});

test("renaming the server keeps every resource, the keys above all", async () => {
  const urns = async (config: Record<string, unknown>) =>
    (await runStack(true, config)).resources.map(({ urn }) => urn).sort();
  expect(await urns(existing((config) => (config.server.name = "vault")))).toEqual(await urns(existing()));
});

test("a reordered configuration sends the same documents", async () => {
  const documents = async (config: Record<string, unknown>) =>
    Object.fromEntries(
      (await runStack(true, config)).resources
        .filter(({ type }) => type === "command:remote:Command")
        .map(({ name, inputs }) => [name, inputs.stdin]),
    );
  const ordered = () =>
    existing(({ sets, directories: [etc] }) => {
      sets.weekly = sets.daily;
      etc.sets = ["daily", "weekly"];
    });
  const reordered = Object.fromEntries(Object.entries(ordered()).reverse());
  reordered.clients = Object.fromEntries(Object.entries(existing().clients as object).reverse());
  (reordered.directories as ReturnType<typeof existing>[])[0]!.sets.reverse();
  (reordered.clients as ReturnType<typeof existing>).web1.directories.reverse();
  (reordered.clients as ReturnType<typeof existing>).web1.directories[0].exclude.reverse();
  expect(await documents(reordered)).toEqual(await documents(ordered()));
});

test("a stack's private key reaches the machines as a secret, and never the account enrol", async () => {
  const { resources } = await runStack(false, existing(), { sshPrivateKey: PRIVATE_KEY });
  const connections = resources
    .filter(({ type }) => type === "command:remote:Command")
    .map(({ inputs }) => (inputs.connection as { value: Record<string, string> }).value);
  for (const { user, privateKey } of connections) {
    expect(privateKey === `${PRIVATE_KEY}\n`).toBe(user !== "enrol");
  }
});

test("without a private key the agent is asked", async () => {
  const { resources } = await runStack(false);
  const { connection } = resources.find(({ name }) => name === "web1-setup-command")!.inputs;
  expect((connection as { value: object }).value).not.toHaveProperty("privateKey");
});

test("mistakes stop the program before anything is registered, as sentences without a stack trace", async () => {
  const mistake = await runStack(true, { ...existing(), sets: {}, colour: "red" }).catch(
    (error: unknown) => error,
  );
  expect(pulumi.RunError.isInstance(mistake)).toBe(true);
  expect((mistake as Error).message).toMatch(
    /^the configuration of the stack test has \d+ mistakes; nothing was changed:\n {2}- colour is no key of this program/,
  );
});

test.each([
  [
    "a private key that is not encrypted",
    { ...existing(), sshPrivateKey: PRIVATE_KEY },
    {},
    "sshPrivateKey is not encrypted: make a new key and give it by `pulumi config set --secret sshPrivateKey`",
  ],
  [
    "a private key that is none",
    existing(),
    { sshPrivateKey: "hunter2" },
    "sshPrivateKey is no private key: give the text of a private key, line ends included, or leave it out",
  ],
  [
    "a secret in a key that previews show",
    existing(),
    { notify: JSON.stringify({ mail: "root" }) },
    "notify holds a secret, which previews would show: set it without --secret",
  ],
])("%s", async (_, config, secrets, sentence) => {
  const mistake = await runStack(true, config, secrets).catch((error: unknown) => error);
  expect((mistake as Error).message.split("\n  - ").slice(1)).toEqual([sentence]);
});

test("index.ts gives out the outputs and nothing else", async () => {
  await jest.isolateModulesAsync(async () => {
    const { run } = await import("./engine");
    const { configure } = await import("./program");
    let given: object = {};
    await run(true, async () => {
      configure(existing());
      const { default: program } = await import("../../index");
      given = await program();
    });
    expect(Object.keys(given).sort()).toEqual([
      "backupServer",
      "clients",
      "dumpPublicKey",
      "mirrorPath",
      "ready",
      "serverAddress",
      "serverHostKey",
      "sets",
      "statusCommand",
    ]);
  });
});
