import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

/** A port of the loopback interface that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Makes a key pair and gives [private key, line of the public key]. */
export function makeKey(file: string, type = "ed25519", password = ""): [string, string] {
  const size = type === "rsa" ? ["-b", "2048"] : [];
  execFileSync("ssh-keygen", ["-q", "-t", type, ...size, "-N", password, "-C", "conformance", "-f", file]);
  return [fs.readFileSync(file, "utf8"), fs.readFileSync(`${file}.pub`, "utf8").trim()];
}

/** A real sshd of this test's own on the loopback interface, run as the user of the test. */
export class Sshd {
  readonly host = "127.0.0.1";
  readonly user = os.userInfo().username;

  private constructor(
    readonly port: number,
    readonly hostKey: string,
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  static async start(
    folder: string,
    options: { authorized: string[]; acceptEnv?: string; hostKeyType?: string },
  ): Promise<Sshd> {
    fs.mkdirSync(folder, { recursive: true });
    const [, hostKey] = makeKey(path.join(folder, "host_key"), options.hostKeyType);
    fs.writeFileSync(path.join(folder, "authorized_keys"), options.authorized.join("\n") + "\n", {
      mode: 0o600,
    });
    const port = await freePort();
    const isRoot = process.getuid?.() === 0;
    // sshd wants this folder, which its service would make.
    if (isRoot) fs.mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    fs.writeFileSync(
      path.join(folder, "sshd_config"),
      [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${folder}/host_key`,
        `AuthorizedKeysFile ${folder}/authorized_keys`,
        "PidFile none",
        "StrictModes no",
        `UsePAM ${isRoot ? "yes" : "no"}`,
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
        "AllowTcpForwarding yes",
        "LogLevel VERBOSE",
        options.acceptEnv ? `AcceptEnv ${options.acceptEnv}` : "",
      ].join("\n"),
    );
    const child = spawn("/usr/sbin/sshd", ["-D", "-f", `${folder}/sshd_config`, "-E", `${folder}/log`], {
      stdio: "ignore",
    });
    const server = new Sshd(port, hostKey, folder, child);
    await server.listening();
    return server;
  }

  /** How many connections it has had. */
  connections(): number {
    return this.log()
      .split("\n")
      .filter((line) => line.includes("Connection from ")).length;
  }

  /** How many of them are still open. */
  open(): number {
    const closed =
      /(?:Connection closed|Connection reset|Disconnected from|Received disconnect from|Disconnecting)/;
    const peers = new Set<string>();
    for (const line of this.log().split("\n")) {
      const peer = /127\.0\.0\.1 port (\d+)/.exec(line)?.[1];
      if (!peer) continue;
      if (line.includes("Connection from ")) peers.add(peer);
      else if (closed.test(line)) peers.delete(peer);
    }
    return peers.size;
  }

  log(): string {
    return fs.readFileSync(`${this.folder}/log`, "utf8");
  }

  stop(): void {
    this.process.kill("SIGTERM");
  }

  private async listening(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (this.process.exitCode !== null) break;
      const answers = await new Promise<boolean>((resolve) => {
        const socket = net.connect(this.port, this.host);
        socket.on("data", () => (socket.destroy(), resolve(true)));
        socket.on("error", () => resolve(false));
      });
      if (answers) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`sshd did not start: ${fs.existsSync(`${this.folder}/log`) ? this.log() : "no log"}`);
  }
}
