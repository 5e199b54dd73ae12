import * as pulumi from "@pulumi/pulumi";
import { type BackupServerRef } from "./backupServerRef";
import { type HostIdentity, type HostProxy } from "./host";
import { namespaceName } from "./render/config/checks";
import { VisibleError } from "./visibleError";

export interface FromStackArgs {
  /** The private half of this stack's own key, a secret; the server's configuration lists the public half. */
  enrolmentKey: pulumi.Input<string>;
  /** The namespace under which it is listed. Default: `PROJECT.STACK` of this program. */
  namespace?: string;
  /** A bastion to go through to the server. Default: it is reached directly. */
  proxy?: HostProxy;
}

/** The stack output `backupServer`: what other stacks need. A change that is not an addition is a new format. */
export interface ServerFacts {
  format: 1;
  serverName: string;
  address: string;
  port: number;
  hostKey: string;
  sourceAddress: string | null;
  dumpPublicKey: string;
  platform: string;
  identity: HostIdentity;
  sets: readonly string[];
}

export const OUTPUT = "backupServer";

/** The backup server that another stack has made. */
export function serverFromStack(stack: pulumi.StackReference, args: FromStackArgs): BackupServerRef {
  const namespace = args.namespace ?? `${pulumi.getProject()}.${pulumi.getStack()}`;
  const wrong = namespaceName(namespace);
  if (wrong !== undefined) {
    throw new VisibleError([`the namespace is ${JSON.stringify(namespace)}: ${wrong}`]);
  }
  const facts = pulumi
    .all([stack.name, stack.getOutput(OUTPUT)])
    .apply(([name, value]) => serverFacts(name, value));
  return {
    serverName: facts.serverName,
    sourceAddress: facts.sourceAddress,
    dumpPublicKey: facts.dumpPublicKey,
    enrolment: {
      address: facts.address,
      port: facts.port,
      user: "enrol",
      hostKey: facts.hostKey,
      identity: facts.identity,
      privateKey: pulumi.secret(args.enrolmentKey),
      proxy: args.proxy,
    },
    namespace,
    sets: facts.sets,
    platform: facts.platform,
  };
}

/** @internal The output of a stack as it was read, or a VisibleError. */
export function serverFacts(stack: string, value: unknown): ServerFacts {
  const facts = value as Partial<ServerFacts> | undefined;
  if (facts?.format === undefined) {
    throw new VisibleError([
      `the stack ${stack} has no output ${OUTPUT}: name the stack of the backup server, and run \`pulumi up\` there first`,
    ]);
  }
  if (facts.format !== 1) {
    throw new VisibleError([
      `the stack ${stack} has ${OUTPUT} in format ${String(facts.format)}, and this version knows format 1: take the version of amanda-backup that made that stack`,
    ]);
  }
  return facts as ServerFacts;
}
