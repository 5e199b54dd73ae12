import { BackupClient } from "../../components/backupClient";
import { BackupDirectory } from "../../components/backupDirectory";
import { run } from "./engine";
import { exampleStack, host, HOST_KEYS, server } from "./stack";
import { SET } from "../templates/example";

/** What the program is told; it must throw before it has registered what it is about. */
async function told(program: () => unknown, stack?: string): Promise<string> {
  let sentence = "";
  const caught = () => {
    try {
      program();
    } catch (error) {
      sentence = (error as Error).message;
    }
  };
  await run(false, caught, { stack });
  return sentence;
}

test("a stand-alone directory that the client has already", async () => {
  expect(
    await told(() => new BackupDirectory("again", { client: exampleStack().web1, path: "/srv/www" })),
  ).toBe(
    'BackupDirectory again is "/srv/www": web1 has this name twice, first at BackupClient web1 directories[0] (Amanda takes ' +
      "'/', ':' and '\\' in a name for '_'); leave one out, or give it another `name`",
  );
});

test("a directory in a set that the server has not", async () => {
  expect(
    await told(() => new BackupDirectory("/opt", { client: exampleStack().web1, sets: ["weekly"] })),
  ).toBe('BackupDirectory /opt.sets[0] is "weekly": no such set; known: daily');
});

test("a directory whose resource's name is no path", async () => {
  expect(await told(() => new BackupDirectory("www", { client: exampleStack().web1 }))).toBe(
    'BackupDirectory www.path is "www": give an absolute path',
  );
});

test("a directory without a client", async () => {
  expect(await told(() => new BackupDirectory("/srv", {}))).toBe(
    "BackupDirectory /srv names no client: give the BackupClient that has the directory",
  );
});

test("a hook that the client has not", async () => {
  const directories = [{ path: "/srv", before: ["stop"] }];
  expect(await told(() => new BackupClient("web2", { host: host(1), server: server(), directories }))).toBe(
    'BackupClient web2 directories[0].before[0] is "stop": no such hook in web2.hooks; none is known',
  );
});

test("the stack's own namespace among the others", async () => {
  const namespaces = { "amanda-backup.test": { publicKey: HOST_KEYS[0], hosts: [] } };
  expect(await told(() => server({ namespaces }))).toBe(
    "namespaces.amanda-backup.test is this stack itself: leave it out, it may enrol anyway",
  );
});

test("a stack's name that makes its namespace too long", async () => {
  const [longest, tooLong] = ["x".repeat(49), "x".repeat(50)] as const;
  expect(await told(server, longest)).toBe("");
  expect(await told(server, tooLong)).toBe(
    `the stack's namespace is "amanda-backup.${tooLong}": use PROJECT.STACK, at most 63 letters, digits, '.', '_' and '-', with a letter or digit first`,
  );
});

test("a program's set with too few vtapes", async () => {
  expect(await told(() => server({ sets: { daily: { ...SET, tapecycle: 15 } } }))).toMatch(
    /^sets.daily.tapecycle is 15: a run would write over full dumps/,
  );
});

test("a platform that is not in the table", async () => {
  expect(await told(() => server({ host: host(0, { platform: "plan9" }) }))).toBe(
    'platform "plan9" is not in host/platforms.json; known: debian, redhat',
  );
});

test("a client of another family gets the dumptype of its family", async () => {
  const { resources } = await run(false, () => {
    new BackupClient("el9", {
      host: host(1, { platform: "redhat" }),
      server: server(),
      directories: ["/srv"],
    });
  });
  const { stdin } = resources.find(({ name }) => name === "el9-enrolment-command")!.inputs;
  const { directories, disklist } = JSON.parse(stdin as string);
  expect(directories[0].dumptype).toBe("encrypt-gnutar-ssh-redhat");
  expect(disklist.daily).toContain("    encrypt-gnutar-ssh-redhat\n");
});

test.each([
  ["an IP address", {}, "192.0.2.10"],
  ["a host name", { host: host(0, { address: "backup.example.org" }) }, null],
  ["a stated network", { sourceAddress: "10.0.0.0/24" }, "10.0.0.0/24"],
])(
  "a server with %s is let in by its clients from there alone, when that can be known",
  async (_, args, expected) => {
    const { resources } = await run(false, () => {
      new BackupClient("web1", { host: host(1), server: server(args) });
    });
    const { stdin } = resources.find(({ name }) => name === "web1-setup-command")!.inputs;
    expect(JSON.parse(stdin as string).settings.serverAddress).toBe(expected);
  },
);

test("a rotation keeps the old key and adds the new one", async () => {
  const { resources } = await run(false, () =>
    server({ encryption: { keyId: "2027a", retiredKeyIds: ["2026a"] } }),
  );
  const keys = resources.filter(({ type, protect }) => protect && type.endsWith("RandomPassword"));
  expect(keys.map(({ name }) => name).sort()).toEqual([
    "backup1-amcrypt-2026a-passphrase",
    "backup1-amcrypt-2026a-text",
    "backup1-amcrypt-2027a-passphrase",
    "backup1-amcrypt-2027a-text",
  ]);
  const { stdin } = resources.find(({ name }) => name === "backup1-setup-command")!.inputs;
  expect(JSON.parse(stdin as string).files["/etc/amanda/daily/amanda.conf"]).toContain("amcrypt-2027a");
});
