import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ID, ROOT, STATE, USUAL, as, attempt, host, hosts, lab, root, run, seconds, traces } from "./lab";

jest.setTimeout(300_000);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "lab-test-"));

beforeAll(() => {
  lab("image");
  lab("down");
});

afterAll(() => {
  lab("down");
  fs.rmSync(folder, { recursive: true });
});

/** When the host was started last. */
const started = (host: string) => lab("ssh", host, "stat -c %y /run/cloud-init/result.json");

describe("up", () => {
  test("starts every host in under two minutes from a built image", () => {
    expect(seconds(() => lab("up"))).toBeLessThan(120);
    expect(Object.keys(hosts()).sort()).toEqual(USUAL);
    for (const name of USUAL) {
      expect(host(name)).toMatchObject({ running: true, user: "debian" });
      expect(lab("ssh", name, "hostname; systemctl is-system-running; systemctl is-active cron ssh")).toBe(
        `${name}\nrunning\nactive\nactive`,
      );
    }
  });

  test("a second time does nothing, and fast", () => {
    const before = USUAL.map(started);
    expect(seconds(() => lab("up"))).toBeLessThan(15);
    expect(USUAL.map(started)).toEqual(before);
  });

  test("needs under 1.5 GB of memory for all hosts together", () => {
    const sum = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ {sum += $2} END {print sum}'";
    const kilobytes = USUAL.map((name) => Number(root(name, sum)));
    expect(Math.min(...kilobytes)).toBeGreaterThan(1000);
    expect(kilobytes.reduce((a, b) => a + b) / 1024).toBeLessThan(1500);
  });
});

describe("a host's key", () => {
  const login = (knownHosts: string) =>
    run([
      "ssh", "-F", path.join(STATE, "ssh_config"), "-o", `UserKnownHostsFile=${knownHosts}`, "client1", "id -un",
    ]); // prettier-ignore

  const pin = (key: string) => {
    const file = path.join(folder, "known_hosts");
    fs.writeFileSync(file, `${host("client1").address} ${key}\n`);
    return file;
  };

  test("is the pinned one", () => {
    expect(login(pin(host("client1").hostKey))).toMatchObject({ status: 0, out: "debian" });
  });

  test("is refused when another one is pinned", () => {
    const wrong = login(pin(host("client2").hostKey));
    expect(wrong.status).toBe(255);
    expect(wrong.err).toContain("Host key verification failed");
  });
});

describe("/mnt/gdata on the server", () => {
  test("belongs to a user whom only the directory knows", () => {
    expect(root("server", "getent passwd gmirror")).toMatch(/^gmirror:[^:]*:20001:20001:/);
    expect(as("root", "server", "grep gmirror /etc/passwd").status).toBe(1);
    expect(as("root", "client1", "getent passwd gmirror").status).toBe(2);
  });

  test("is written by this user and by nobody else, root neither", () => {
    expect(as("gmirror", "server", "echo good >/mnt/gdata/mine").status).toBe(0);
    expect(root("storage", "cat /srv/gdata/mine; stat -c %u /srv/gdata/mine")).toBe("good\n20001");
    for (const user of ["root", "debian"]) {
      expect(as(user, "server", "echo bad >/mnt/gdata/other").err).toContain("Permission denied");
      expect(as(user, "server", "ls /mnt/gdata").err).toContain("Permission denied");
    }
    expect(root("storage", "ls /srv/gdata")).toBe("mine");
  });

  test("can be detached, and then the same write goes astray without a word", () => {
    lab("storage-detach", "server");
    expect(as("gmirror", "server", "echo lost >/mnt/gdata/astray").status).toBe(0);
    lab("storage-attach", "server");
    expect(as("gmirror", "server", "ls /mnt/gdata").out).toBe("mine");
    expect(root("storage", "ls /srv/gdata")).toBe("mine");
    lab("storage-detach", "server");
    expect(root("server", "rm /mnt/gdata/astray; ls /mnt/gdata")).toBe("");
    lab("storage-attach", "server");
  });

  test("comes back after the storage lost its power", () => {
    lab("power-off", "storage");
    lab("power-on", "storage");
    expect(as("gmirror", "server", "cat /mnt/gdata/mine").out).toBe("good");
  });
});

describe("power", () => {
  test("off is off at once, and on brings the same disk and key", () => {
    root("server", "echo kept >/root/file");
    as("gmirror", "server", "echo good >/mnt/gdata/mine");
    const key = host("server").hostKey;
    lab("power-off", "server");
    expect(host("server").running).toBe(false);
    expect(attempt("ssh", "server", "true").status).toBe(255);
    lab("power-off", "server");
    lab("power-on", "server");
    lab("power-on", "server");
    expect(root("server", "cat /root/file")).toBe("kept");
    expect(host("server")).toMatchObject({ hostKey: key, running: true });
    expect(as("gmirror", "server", "cat /mnt/gdata/mine").out).toBe("good");
  });
});

describe("a host's disk and packages", () => {
  test("keep ACLs and extended attributes", () => {
    root("client1", "touch /srv/f; setfacl -m u:backup:r /srv/f; setfattr -n user.colour -v blue /srv/f");
    expect(root("client1", "getfacl -p /srv/f")).toContain("user:backup:r--");
    expect(root("client1", "getfattr --only-values -n user.colour /srv/f")).toBe("blue");
  });

  test("Amanda installs without any network and runs as its user", () => {
    const install = "apt-get install -qq -y --no-install-recommends";
    const packages =
      "amanda-server amanda-client aespipe sharutils gnupg libencode-locale-perl bsd-mailx rsync";
    root("server", `unshare --net ${install} ${packages} zstd age faketime >/dev/null 2>&1`);
    expect(as("backup", "server", "amcheck --version").out).toMatch(/^amcheck-3/);
    expect(root("server", "stat -c %A /usr/lib/amanda/runtar")).toContain("s");
    expect(as("backup", "server", "/usr/lib/amanda/runtar").err).toContain("Need at least 3 arguments");
  });
});

describe("copies", () => {
  test("of a file and of a directory arrive whole, from and to where only root may read", () => {
    const tree = path.join(folder, "trée");
    fs.mkdirSync(tree);
    fs.writeFileSync(path.join(tree, "it's a file"), "content\n");
    lab("cp-to", "client2", tree, "/root/the tree");
    expect(root("client2", "cat '/root/the tree/it'\\''s a file'; stat -c %U '/root/the tree'")).toBe(
      "content\nroot",
    );
    lab("cp-from", "client2", "/root/the tree/it's a file", path.join(folder, "back"));
    expect(fs.readFileSync(path.join(folder, "back"), "utf8")).toBe("content\n");
  });

  test("fail with a word and leave nothing", () => {
    expect(attempt("cp-from", "client2", "/root/none", path.join(folder, "none"))).toMatchObject({
      status: 1,
    });
    expect(attempt("cp-from", "client2", "/etc/hostname", folder).err).toContain("is a directory already");
    expect(fs.readdirSync(folder).filter((name) => name.includes("none"))).toEqual([]);
  });
});

describe("hosts made when wanted", () => {
  test("server2 is another machine with the same storage", () => {
    lab("create", "server2");
    const [server, server2] = [host("server"), host("server2")];
    expect(server2.role).toBe("server");
    expect(server2.address).not.toBe(server.address);
    expect(server2.hostKey).not.toBe(server.hostKey);
    expect(as("gmirror", "server2", "cat /mnt/gdata/mine").out).toBe("good");
  });

  test("bare reaches no other host, has no Amanda, and the storage's disk read-only", () => {
    lab("create", "bare");
    for (const [name, { address }] of Object.entries(hosts())) {
      const reached = attempt("ssh", "bare", `timeout 5 bash -c ': </dev/tcp/${address}/22'`);
      expect([name, reached.status]).toEqual([name, name === "bare" ? 0 : 1]);
    }
    expect(root("bare", "cat /mnt/mirror/mine")).toBe("good");
    expect(as("root", "bare", "touch /mnt/mirror/x").err).toContain("Read-only file system");
    expect(as("root", "bare", "dpkg -l | grep amanda").out).toBe("");
    root("bare", "apt-get install -qq -y --no-install-recommends gnupg aespipe age zstd >/dev/null 2>&1");
    expect(root("bare", "command -v gpg aespipe age zstd | wc -l")).toBe("4");
  });

  test("a host made again has a fresh disk and its old key, unless a new key is wanted", () => {
    lab("create", "client3");
    root("client3", "touch /root/old");
    const first = host("client3");
    lab("destroy", "client3");
    expect(hosts().client3).toBeUndefined();
    lab("create", "client3");
    expect(root("client3", "ls /root")).toBe("");
    expect(host("client3")).toEqual(first);
    lab("destroy", "client3", "--new-key");
    lab("create", "client3");
    expect(host("client3").address).toBe(first.address);
    expect(host("client3").hostKey).not.toBe(first.hostKey);
    lab("destroy", "client3");
  });

  test("a host that nobody knows or made is named, with the cure", () => {
    expect(attempt("create", "nonesuch").err).toContain("no host is called 'nonesuch'");
    expect(attempt("ssh", "client9").err).toContain("lab/create client9");
    expect(attempt("power-on", "client9").err).toContain("lab/create client9");
    expect(attempt("storage-detach", "client1").err).toContain("only servers");
  });
});

describe("after a crash", () => {
  /** Start a command and kill it and its children after this time. */
  const killed = (command: string, milliseconds: number) =>
    new Promise<void>((resolve) => {
      const child = spawn(path.join(ROOT, "lab", command), {
        detached: true,
        stdio: "ignore",
        env: { ...process.env, LAB_STATE: STATE },
      });
      setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), milliseconds);
      child.on("exit", () => resolve());
    });

  test.each([300, 700, 1200])("up works when one was killed after %i ms", async (milliseconds) => {
    lab("down");
    await killed("up", milliseconds);
    lab("up");
    await killed("down", milliseconds / 4);
    lab("up");
    expect(Object.values(hosts()).filter(({ running }) => running)).toHaveLength(USUAL.length);
  });

  test("up starts hosts whose processes all died, with their disks", () => {
    root("client1", "echo kept >/root/file");
    const names = lab("podman", "ps", "--all", "--quiet", "--filter", `label=amanda-lab=${ID}`).split("\n");
    const states = lab("podman", "inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", ...names);
    for (const pid of states.split(/\s/).map(Number)) process.kill(pid, "SIGKILL");
    lab("up");
    expect(root("client1", "cat /root/file")).toBe("kept");
  });
});

describe("down", () => {
  test("leaves nothing, and works twice", () => {
    expect(traces().length).toBeGreaterThan(USUAL.length);
    lab("down");
    expect(traces()).toEqual([]);
    expect(hosts()).toEqual({});
    lab("down");
  });
});
