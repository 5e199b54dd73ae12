import { Secret, UNKNOWN } from "./engine";
import urns from "./openStackUrns.json";
import { prod } from "./prod";
import { type Program, runStack } from "./program";

const OPENSTACK = /^openstack:/;

describe.each([
  ["preview", true],
  ["up", false],
])("%s", (_, preview) => {
  let program: Program;
  beforeAll(async () => {
    program = await runStack(preview, prod());
  });

  const called = (name: string) => {
    const found = program.resources.filter((resource) => resource.name === name);
    expect(found).toHaveLength(1);
    return found[0]!;
  };
  const idOf = (name: string) => (preview ? UNKNOWN : `${name}-id`);
  const urnOf = (name: string) => called(name).urn;
  const made = () => program.resources.filter(({ type }) => OPENSTACK.test(type));
  const document = (name: string) => {
    const { stdin } = called(`${name}-command`).inputs;
    return JSON.parse((stdin instanceof Secret ? stdin.value : stdin) as string) as Record<string, unknown>;
  };

  test("the URNs are the ones that deployed stacks have", () => {
    // A changed line here replaces machines or forgets a data volume: it needs an alias.
    const found = program.resources
      .filter(({ urn }) => /OpenStackHost|SshAccess|-host-ssh-key$/.test(urn))
      .map(({ urn }) => urn.replace("urn:pulumi:test::amanda-backup::", ""));
    expect(found.sort()).toEqual(urns);
  });

  test("every child is named after its parent and hangs from it", () => {
    const nameOf = new Map(program.resources.map(({ urn, name }) => [urn, name]));
    for (const { name, parent } of made()) {
      expect(name.startsWith(`${nameOf.get(parent)!}-`)).toBe(true);
    }
  });

  test("only the data volume is protected, and stays in the cloud", () => {
    expect(made().filter(({ protect }) => protect)).toEqual([called("backup-host-volume")]);
    expect(made().filter(({ retainOnDelete }) => retainOnDelete)).toEqual([called("backup-host-volume")]);
    expect(called("backup-host-volume").inputs).toEqual({
      name: "backup1-data",
      description: "amanda-backup: vtapes, holding disk and catalogue",
      size: 100,
      enableOnlineResize: true,
    });
  });

  test("a port has the configured address, and another one makes another machine", () => {
    expect(called("web1-host-port")).toMatchObject({
      replaceOnChanges: ["fixedIps"],
      deleteBeforeReplace: true,
      inputs: {
        name: "web1",
        networkId: "network-id",
        fixedIps: [{ ipAddress: "10.1.0.20", subnetId: prod().openstack.subnet as string }],
        securityGroupIds: [idOf("clients-access-group")],
      },
    });
  });

  test("an instance is stopped before it goes, and is never replaced for its user data", () => {
    const { inputs, ...options } = called("backup-host-instance");
    expect(options).toMatchObject({
      deleteBeforeReplace: true,
      ignoreChanges: ["userData"],
      additionalSecretOutputs: ["userData", "adminPass"],
      protect: false,
    });
    expect({ ...inputs, userData: undefined }).toEqual({
      name: "backup1",
      imageId: prod().openstack.image as string,
      flavorName: "m1.large",
      networks: [{ port: idOf("backup-host-port") }],
      configDrive: true,
      stopBeforeDestroy: true,
    });
    expect(called("web1-host-instance").inputs.flavorName).toBe("m1.small");
  });

  test("the user data is a secret with host key and administrators' keys, and nothing else", () => {
    const { userData } = called("web1-host-instance").inputs;
    if (preview) {
      expect(userData).toBe(UNKNOWN); // the host key is made by `up`
      return;
    }
    expect(userData).toBeInstanceOf(Secret);
    const [first, ...json] = String((userData as Secret).value).split("\n");
    expect(first).toBe("#cloud-config");
    expect(JSON.parse(json.join("\n"))).toEqual({
      ssh_authorized_keys: prod().openstack.adminKeys as string[],
      ssh_deletekeys: true,
      ssh_keys: {
        ed25519_private: expect.stringContaining("PRIVATE KEY") as unknown,
        ed25519_public: connection("web1-setup").hostKey,
      },
    });
  });

  test("the volume is attached to the instance, goes with it, and is never pulled from it before", () => {
    expect(called("backup-host-attachment")).toMatchObject({
      deleteBeforeReplace: true,
      deletedWith: urnOf("backup-host-instance"),
      inputs: { instanceId: idOf("backup-host-instance"), volumeId: idOf("backup-host-volume") },
    });
  });

  test("ssh is let in from administrators, to the server from stacks that enrol, to clients from the server", () => {
    const rules = made().filter(({ type }) => type.endsWith("SecGroupRule"));
    const ssh = {
      direction: "ingress",
      ethertype: "IPv4",
      protocol: "tcp",
      portRangeMin: 22,
      portRangeMax: 22,
    };
    const [server, clients] = [idOf("backup-access-group"), idOf("clients-access-group")];
    expect(Object.fromEntries(rules.map(({ name, inputs }) => [name, inputs]))).toEqual({
      "backup-access-ssh-198.51.100.0/24": {
        ...ssh,
        securityGroupId: server,
        remoteIpPrefix: "198.51.100.0/24",
      },
      "backup-access-ssh-203.0.113.64/26": {
        ...ssh,
        securityGroupId: server,
        remoteIpPrefix: "203.0.113.64/26",
      },
      "clients-access-ssh-198.51.100.0/24": {
        ...ssh,
        securityGroupId: clients,
        remoteIpPrefix: "198.51.100.0/24",
      },
      "clients-access-ssh-group": { ...ssh, securityGroupId: clients, remoteGroupId: server },
    });
  });

  test("rules come before machines, so that `destroy` can still withdraw", () => {
    expect(called("backup-host-port").dependencies).toEqual(
      expect.arrayContaining([urnOf("backup-access-ssh-198.51.100.0/24")]),
    );
  });

  test("a machine is set up once its instance is there, and the server once its volume is attached", () => {
    const dependencies = (name: string) => called(`${name}-command`).dependencies;
    expect(dependencies("web1-setup")).toContain(urnOf("web1-host-instance"));
    expect(dependencies("backup-amcrypt-2026a-setup")).toContain(urnOf("backup-host-instance"));
    expect(dependencies("backup-setup")).toContain(urnOf("backup-host-attachment"));
    expect(dependencies("web1-enrolment")).toContain(urnOf("backup-host-instance"));
  });

  const connection = (name: string) =>
    (called(`${name}-command`).inputs.connection as Secret).value as Record<string, unknown>;

  test("machines that are made or looked up are reached through the bastion, others directly", () => {
    const { hostKey } = prod().openstack.bastion as { hostKey: string };
    const proxy = {
      host: "203.0.113.5",
      user: "jump",
      port: 22,
      hostKey,
      dialErrorLimit: 5,
      perDialTimeout: 10,
    };
    for (const name of preview ? [] : ["web1-setup", "backup-setup", "mail1-setup", "web1-enrolment"]) {
      expect([name, connection(name).proxy]).toEqual([name, proxy]);
    }
    expect(connection("db1-setup")).not.toHaveProperty("proxy");
  });

  test("a machine that may be booting is dialled for longer", () => {
    const limits = (names: string[]) => names.map((name) => connection(name).dialErrorLimit);
    expect(limits(preview ? [] : ["backup-setup", "web1-setup"])).toEqual(preview ? [] : [40, 40]);
    expect(limits(["mail1-setup", "db1-setup"])).toEqual([5, 5]);
  });

  test("documents tell what machines are to do about boot, metadata and data volume", () => {
    const fields = (name: string) => {
      const { boot, closeMetadata, identity, settings } = document(name);
      return { boot, closeMetadata, identity, volume: (settings as Record<string, unknown>).dataVolume };
    };
    const image = prod().openstack.image as string;
    if (!preview) {
      const booting = { boot: 300, closeMetadata: true };
      const identity = {
        generation: 1,
        instance: "backup-host-instance-id",
        image,
        flavor: "m1.large",
        volumeGB: 100,
      };
      expect(fields("backup-setup")).toEqual({
        ...booting,
        identity,
        volume: { id: "backup-host-volume-id" },
      });
      expect(fields("backup-amcrypt-2026a-setup")).toEqual({ ...booting, identity, volume: undefined });
      expect(fields("web1-setup")).toEqual({
        ...booting,
        identity: { generation: 1, instance: "web1-host-instance-id", image, flavor: "m1.small" },
        volume: undefined,
      });
      expect(fields("mail1-setup")).toMatchObject({
        boot: null,
        closeMetadata: false,
        identity: { generation: 1, instance: "id-of-mail1", image: "its image" },
      });
      expect(document("web1-enrolment").identity).toEqual({
        generation: 1,
        instance: "backup-host-instance-id",
        image,
        resource: expect.stringContaining("::web1") as unknown,
      });
    }
  });

  test("clients are enrolled with the address by which the server reaches them", () => {
    const addresses = ["web1", "mail1", "db1"].map((name) => {
      const { stdin } = called(`${name}-enrolment-command`).inputs;
      return preview && stdin === UNKNOWN ? "unknown" : document(`${name}-enrolment`).address;
    });
    expect(addresses).toEqual(
      preview ? ["unknown", "unknown", "unknown"] : ["10.1.0.20", "10.1.0.99", "192.0.2.21"],
    );
  });

  test("a reviewer sees the disklist although machines and keys are not there yet", () => {
    expect(called("web1-enrolment").inputs.disklist).toEqual({
      daily: expect.stringMatching(/^# amanda-backup.test web1\nweb1 "\/home" "\/home" \{/) as unknown,
    });
  });

  test("no private key is outside of a secret", () => {
    const plain = JSON.stringify(program.resources, (_key, value: unknown) =>
      value instanceof Secret ? "[secret]" : value,
    );
    expect(program.secrets).toHaveLength(preview ? 0 : 7);
    expect(program.secrets.filter((secret) => plain.includes(secret))).toEqual([]);
  });

  test("the outputs name the server, and an unknown key keeps nothing else from a reviewer", () => {
    expect(program.outputs).toMatchObject({
      serverAddress: "10.1.0.11",
      statusCommand: "ssh -J jump@203.0.113.5 debian@10.1.0.11 sudo backupctl status",
      backupServer: preview
        ? "unknown"
        : {
            address: "10.1.0.11",
            sourceAddress: "10.1.0.11",
            identity: { generation: 1, instance: "backup-host-instance-id" },
          },
    });
  });

  test("every resource of OpenStack's explains its refusals, and a group in use is given up soon", () => {
    for (const { name, onError, parent, type, customTimeouts } of made()) {
      expect([name, onError]).toEqual([
        name,
        [`explaining ${parent.split(":").slice(-3).join(":").replace("::", " ")}`],
      ]);
      expect(customTimeouts.delete).toBe(type.endsWith("SecGroup") ? "2m" : "");
    }
  });
});
