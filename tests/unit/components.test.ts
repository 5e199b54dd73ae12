import * as pulumi from "@pulumi/pulumi";
import { type Registered, run, type Run, Secret, UNKNOWN } from "./engine";
import { BackupClient } from "../../components/backupClient";
import { ADMIN_KEY, exampleStack, host, HOST_KEYS, server } from "./stack";
import urns from "./urns.json";

describe.each([
  ["preview", true],
  ["up", false],
])("%s", (_, preview) => {
  let result: Run;
  let commands: Registered[];
  beforeAll(async () => {
    result = await run(preview, exampleStack);
    commands = result.resources.filter(({ type }) => type === "command:remote:Command");
  });

  const called = (name: string) => {
    const found = result.resources.filter((resource) => resource.name === name);
    expect(found).toHaveLength(1);
    return found[0]!;
  };

  test("the URNs are the ones that deployed stacks have", () => {
    // A changed line here replaces or forgets deployed resources: it needs an alias.
    const found = result.resources.map(({ urn }) => urn.replace("urn:pulumi:test::amanda-backup::", ""));
    expect(found.sort()).toEqual(urns);
  });

  test("every child is named after its parent and hangs from it", () => {
    const nameOf = new Map(result.resources.map(({ urn, name }) => [urn, name]));
    const top = result.resources.filter(({ parent }) => parent === "");
    expect(top.map(({ name }) => name).sort()).toEqual(["/etc", "backup1", "db1", "web1"]);
    const children = result.resources.filter(({ parent }) => parent !== "");
    expect(children.length).toBeGreaterThan(20);
    for (const { name, parent, type } of children) {
      // An entry's name may be any text: only "+", which no client's name has, keeps web/db-data from web-db/data.
      const mark = type === "amanda-backup:index:BackupDirectory" ? "+" : "-";
      expect(nameOf.has(parent)).toBe(true);
      expect(name.startsWith(`${nameOf.get(parent)!}${mark}`)).toBe(true);
    }
  });

  test("amcrypt's key and the identities that clients and mirror rely on are protected, nothing else", () => {
    const protectedNames = result.resources
      .filter(({ protect, custom }) => protect && custom)
      .map(({ name }) => name);
    expect(protectedNames.sort()).toEqual([
      "backup1-amcrypt-2026a-passphrase",
      "backup1-amcrypt-2026a-text",
      "backup1-dump-key",
      "backup1-sign-key",
    ]);
  });

  test("a client costs two ssh commands, a stand-alone directory one, the server two", () => {
    expect(commands.map(({ name }) => name).sort()).toEqual([
      "/etc-enrolment-command",
      "backup1-amcrypt-2026a-setup-command",
      "backup1-setup-command",
      "db1-enrolment-command",
      "db1-setup-command",
      "web1-enrolment-command",
      "web1-setup-command",
    ]);
  });

  test("every ssh command is safe by its options", () => {
    for (const { name, inputs, replaceOnChanges } of commands) {
      expect(inputs).toMatchObject({ logging: "none", addPreviousOutputInEnv: false });
      expect(inputs.create).toBe(inputs.update);
      expect(inputs).not.toHaveProperty("triggers");
      expect(inputs).not.toHaveProperty("environment");
      // Which nothing sets.
      expect(replaceOnChanges).toEqual(["triggers[*]"]);
      if (preview && name.endsWith("-enrolment-command")) {
        expect(inputs.connection).toBe(UNKNOWN); // its private key is made by `up`
        continue;
      }
      expect(inputs.connection).toBeInstanceOf(Secret);
      expect((inputs.connection as Secret).value).toMatchObject({
        dialErrorLimit: 5,
        perDialTimeout: 10,
        port: 22,
        hostKey: expect.stringMatching(/^ssh-ed25519 /) as unknown,
      });
    }
  });

  test("every machine is reached with its own address and host key", () => {
    const connection = (name: string) =>
      (called(name).inputs.connection as Secret).value as Record<string, unknown>;
    expect(connection("backup1-setup-command")).toMatchObject({
      host: "192.0.2.10",
      user: "debian",
      privateKey: ADMIN_KEY,
    });
    expect(connection("web1-setup-command")).toMatchObject({
      host: "192.0.2.11",
      user: "debian",
      privateKey: ADMIN_KEY,
    });
    for (const name of preview
      ? []
      : ["web1-enrolment-command", "db1-enrolment-command", "/etc-enrolment-command"]) {
      expect(connection(name)).toMatchObject({ host: "192.0.2.10", user: "enrol" });
      expect(connection(name).hostKey).toBe(connection("backup1-setup-command").hostKey);
      expect(connection(name).privateKey).not.toBe(ADMIN_KEY);
    }
  });

  test("a server's own port serves its enrolments too", async () => {
    const { resources } = await run(false, () => {
      new BackupClient("web1", { host: host(1), server: server({ host: host(0, { port: 2222 }) }) });
    });
    const ports = resources
      .filter(({ type }) => type === "command:remote:Command")
      .map(({ name, inputs }) => [name, ((inputs.connection as Secret).value as { port: number }).port]);
    expect(Object.fromEntries(ports)).toEqual({
      "backup1-amcrypt-2026a-setup-command": 2222,
      "backup1-setup-command": 2222,
      "web1-enrolment-command": 2222,
      "web1-setup-command": 22,
    });
  });

  test("only an enrolment does something when it is deleted", () => {
    for (const { name, inputs } of commands) {
      expect(inputs.delete).toBe(name.endsWith("-enrolment-command") ? "withdraw" : undefined);
    }
  });

  test("keys come before the server, server and client before the enrolment, and that before what hangs on it", () => {
    const dependencies = (name: string) => called(name).dependencies.map((urn) => urn.split("::").pop());
    expect(dependencies("backup1-setup-command")).toEqual(
      expect.arrayContaining(["backup1-amcrypt-2026a-setup-command"]),
    );
    expect(dependencies("web1-enrolment-command")).toEqual(
      expect.arrayContaining(["backup1-setup-command", "web1-setup-command"]),
    );
    expect(dependencies("web1-enrolment-command")).not.toContain("db1-setup-command");
    expect(dependencies("web1-setup-command")).not.toContain("backup1-setup-command");
    expect(dependencies("/etc-enrolment-command")).toEqual(
      expect.arrayContaining(["web1-enrolment-command"]),
    );
  });

  test("only the keys' command has a secret stdin, and what it prints is secret too", () => {
    for (const { name, inputs, additionalSecretOutputs } of commands) {
      const secret = name === "backup1-amcrypt-2026a-setup-command";
      expect(inputs.stdin instanceof Secret || inputs.stdin === UNKNOWN).toBe(
        secret || (preview && !name.endsWith("-enrolment-command")),
      );
      if (!preview) {
        expect([name, inputs.stdin instanceof Secret]).toEqual([name, secret]);
      }
      expect([...additionalSecretOutputs].sort()).toEqual([
        "connection",
        ...(secret ? ["stderr", "stdout"] : []),
      ]);
    }
  });

  test("the enrolment's private key is a secret for whoever uses it", async () => {
    let found: unknown;
    await run(preview, async () => {
      found = await pulumi.isSecret(pulumi.output(exampleStack().backup.enrolment.privateKey));
    });
    expect(found).toBe(true);
  });

  test("the keys' values are secret outputs", () => {
    expect(called("backup1-dump-key").additionalSecretOutputs).toContain("privateKeyOpenssh");
    expect(called("backup1-amcrypt-2026a-text").additionalSecretOutputs).toContain("result");
  });

  test("an enrolment is known and readable in a preview", () => {
    const directory = {
      sets: ["daily"],
      dumptype: "encrypt-gnutar-ssh",
      exclude: [],
      include: [],
      before: [],
      after: [],
    };
    expect(JSON.parse(called("web1-enrolment-command").inputs.stdin as string)).toEqual({
      format: 1,
      identity: {
        generation: 1,
        resource: "urn:pulumi:test::amanda-backup::amanda-backup:index:BackupClient::web1",
      },
      fragment: "web1",
      client: "web1",
      address: "192.0.2.11",
      hostKey: HOST_KEYS[1],
      directories: [
        { name: "/home", path: "/home", ...directory },
        { name: "/srv/www", path: "/srv/www", ...directory },
      ],
      disklist: {
        daily:
          '# amanda-backup.test web1\nweb1 "/home" "/home" {\n    encrypt-gnutar-ssh\n}\n' +
          'web1 "/srv/www" "/srv/www" {\n    encrypt-gnutar-ssh\n}\n',
      },
    });
  });

  test("the reviewer sees the rendered files, whatever is not known yet", () => {
    expect(called("backup1-setup").inputs.files).toMatchObject({
      "/etc/amanda/daily/amanda.conf": expect.stringContaining("tapecycle 16 tapes") as unknown,
      "/etc/cron.d/amanda-backup": expect.stringContaining("backupctl run daily") as unknown,
    });
    expect(called("/etc-enrolment").inputs.disklist).toEqual({
      daily: '# amanda-backup.test web1+/etc\nweb1 "/etc" "/etc" {\n    encrypt-gnutar-ssh\n}\n',
    });
  });

  test("no secret's bytes are outside of a secret", () => {
    const plain = JSON.stringify(result.resources, (_, value: unknown) =>
      value instanceof Secret ? "[secret]" : value,
    );
    const secrets = [...result.secrets, "the-administrators-own"];
    expect(secrets).toHaveLength(preview ? 1 : 6);
    expect(secrets.filter((secret) => plain.includes(secret))).toEqual([]);
    if (!preview) {
      // The search does find them where they are meant to be.
      const whole = JSON.stringify(result.resources);
      expect(secrets.filter((secret) => !whole.includes(secret))).toEqual([]);
    }
  });

  test("what depends on keys is unknown in a first preview and nothing else is", () => {
    const unknown = commands.filter(({ inputs }) =>
      [inputs.stdin, (inputs.stdin as Secret).value].includes(UNKNOWN),
    );
    expect(unknown.map(({ name }) => name).sort()).toEqual(
      preview
        ? [
            "backup1-amcrypt-2026a-setup-command",
            "backup1-setup-command",
            "db1-setup-command",
            "web1-setup-command",
          ]
        : [],
    );
  });
});
