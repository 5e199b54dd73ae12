import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type HostProxy, type SshAccount } from "./host";
import { INSTALL_LINE } from "./render/commandLines";
import { stableJson } from "./render/text";

/** Dials before a host counts as unreachable, and the seconds that each may take: at most about a minute. */
const DIAL_ERROR_LIMIT = 5;
const PER_DIAL_TIMEOUT_SECONDS = 10;
/** For a machine that may still be booting: two to ten minutes, as it answers nothing or refuses. */
const BOOTING_DIAL_ERROR_LIMIT = 40;

export interface HostSetupArgs {
  /** The machine, and the account on it. */
  host: SshAccount;
  /** What the host is to be, sent on standard input as JSON; docs/contracts.md. */
  document: pulumi.Input<Record<string, unknown>>;
  /** Whether the document holds a secret: then all of it is one, and so is what the command prints. Default false. */
  secret?: boolean;
  /** The command for create and update. Default: become root and run the document's programs. */
  line?: string;
  /** The command for delete, which gets the last document. Default: nothing is run. */
  deleteLine?: string;
  /**
   * What a reviewer of a preview wants to see, rendered texts above all: it is shown line by line, also where the
   * document is not known yet. Nothing secret may be in it.
   */
  review?: Record<string, unknown>;
}

/**
 * One ssh command that brings a host, or the server's enrolment, to a document. The only place where such a command
 * is made: with the host's key pinned, nothing logged, and no triggers, since a replacement would run the old delete
 * after the new create.
 */
export class HostSetup extends pulumi.ComponentResource {
  /** What the host said; resolved only when it was converged. */
  readonly stdout: pulumi.Output<string>;

  constructor(name: string, args: HostSetupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:HostSetup", name, args.review ?? {}, opts);
    const { host } = args;
    const stdin = pulumi.output(args.document).apply(stableJson);
    const setup = new command.remote.Command(
      `${name}-command`,
      {
        connection: pulumi.secret({
          ...endpoint(host, host.boots ? BOOTING_DIAL_ERROR_LIMIT : DIAL_ERROR_LIMIT),
          proxy: host.proxy && endpoint(host.proxy, DIAL_ERROR_LIMIT),
        }),
        create: args.line ?? INSTALL_LINE,
        update: args.line ?? INSTALL_LINE,
        delete: args.deleteLine,
        stdin: args.secret ? pulumi.secret(stdin) : stdin,
        logging: command.remote.Logging.None,
        addPreviousOutputInEnv: false,
      },
      {
        parent: this,
        // A child does not inherit it, and a failure is told to dependants only.
        dependsOn: opts?.dependsOn,
        additionalSecretOutputs: args.secret ? ["stdout", "stderr"] : [],
      },
    );
    this.stdout = setup.stdout;
    this.registerOutputs({});
  }
}

function endpoint(
  { address, user, port, privateKey, hostKey }: SshAccount | HostProxy,
  dialErrorLimit: number,
) {
  return {
    host: address,
    user,
    port: port ?? 22,
    privateKey,
    hostKey,
    dialErrorLimit,
    perDialTimeout: PER_DIAL_TIMEOUT_SECONDS,
  };
}
