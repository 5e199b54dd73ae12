import * as pulumi from "@pulumi/pulumi";
import * as checks from "./render/config/checks";
import { type Configuration } from "./render/config/configuration";
import { KEYS, readConfiguration } from "./render/config/read";
import { platforms } from "./render/platforms";
import { VisibleError } from "./visibleError";

/** The stack's configuration, and the administrator's private key when the stack has one. */
export interface StackConfiguration extends Configuration {
  sshPrivateKey?: pulumi.Output<string>;
}

/** Read Pulumi.STACK.yaml. Throws one VisibleError that tells every mistake. */
export function stackConfiguration(): StackConfiguration {
  const config = new pulumi.Config();
  const raw = Object.fromEntries(KEYS.map((key) => [key, parsed(config.get(key))]));
  const prefix = `${pulumi.getProject()}:`;
  const given = Object.keys(pulumi.runtime.allConfig())
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
  const { configuration, mistakes } = readConfiguration(raw, platforms(), given);
  if (mistakes.length > 0) {
    const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
    throw new VisibleError(
      mistakes,
      `the configuration of the stack ${pulumi.getStack()} has ${count}; nothing was changed:`,
    );
  }
  return { ...configuration, sshPrivateKey: config.getSecret("sshPrivateKey")?.apply(privateKey) };
}

/** Pulumi hands mappings and lists over as JSON, and strings as they are. */
function parsed(value: string | undefined): unknown {
  try {
    return value === undefined ? undefined : JSON.parse(value);
  } catch {
    return value;
  }
}

function privateKey(text: string): string {
  const wrong = checks.privateKey(text);
  if (wrong !== undefined) {
    throw new VisibleError([`${pulumi.getProject()}:sshPrivateKey is no private key: ${wrong}`]);
  }
  return `${text.trim()}\n`;
}
