import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Sshd, freePort, makeKey } from "./sshd";

/** Keys, an ssh-agent and real SSH servers on the loopback interface, for remote commands. */
export class Fixture {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "conformance-ssh-"));
  readonly login = makeKey(path.join(this.folder, "login"))[0];
  readonly otherLogin = makeKey(path.join(this.folder, "other"))[0];
  readonly otherHostKey = makeKey(path.join(this.folder, "other-host"))[1];
  readonly encryptedLogin = {
    key: makeKey(path.join(this.folder, "encrypted"), "ed25519", "key-Password-9d")[0],
    password: "key-Password-9d",
  };
  private readonly servers: Sshd[] = [];
  private agentPid = 0;

  /** The public keys that the servers let in. */
  private authorized(): string[] {
    return ["login", "encrypted"].map((name) =>
      fs.readFileSync(path.join(this.folder, `${name}.pub`), "utf8").trim(),
    );
  }

  async sshd(name: string, options: { acceptEnv?: string; hostKeyType?: string } = {}): Promise<Sshd> {
    const server = await Sshd.start(path.join(this.folder, name), {
      authorized: this.authorized(),
      ...options,
    });
    this.servers.push(server);
    return server;
  }

  /** A port that refuses connections. */
  closedPort(): Promise<number> {
    return freePort();
  }

  /** Starts an agent that holds the login key, and gives its socket. */
  agent(): string {
    const socket = path.join(this.folder, "agent");
    const said = execFileSync("ssh-agent", ["-a", socket, "-s"], { encoding: "utf8" });
    this.agentPid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
    execFileSync("ssh-add", ["-q", path.join(this.folder, "login")], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    });
    return socket;
  }

  remove(): void {
    for (const server of this.servers) server.stop();
    if (this.agentPid > 0) process.kill(this.agentPid);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The part of a connection that says which server is meant. */
export function endpoint(server: Sshd): Record<string, unknown> {
  return { host: server.host, port: server.port, user: server.user, hostKey: server.hostKey };
}
