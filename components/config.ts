import * as pulumi from "@pulumi/pulumi";
import * as checks from "./render/config/checks";
import { type Configuration } from "./render/config/configuration";
import { KEYS, readConfiguration, SECRET_KEYS } from "./render/config/read";
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
  const { configuration, mistakes: found } = readConfiguration(raw, platforms(), given);
  const mistakes = [...secrecy(config, given), ...privateKeyMistakes(config), ...found];
  if (mistakes.length > 0) {
    const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
    throw new VisibleError(
      mistakes,
      `the configuration of the stack ${pulumi.getStack()} has ${count}; nothing was changed:`,
    );
  }
  const key = config.get("sshPrivateKey");
  return {
    ...configuration,
    sshPrivateKey: key === undefined ? undefined : pulumi.secret(`${key.trim()}\n`),
  };
}

/** What is secret and would be shown, and what is not secret and should be. */
function secrecy(config: pulumi.Config, given: readonly string[]): string[] {
  // The types leave it out.
  const { isConfigSecret } = pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean };
  const isSecret = (key: string) => isConfigSecret(`${config.name}:${key}`);
  return [
    ...KEYS.filter(isSecret).map(
      (key) => `${key} holds a secret, which previews would show: set it without --secret`,
    ),
    ...SECRET_KEYS.filter((key) => given.includes(key) && !isSecret(key)).map(
      (key) => `${key} is not encrypted: make a new key and give it by \`pulumi config set --secret ${key}\``,
    ),
  ];
}

/** Pulumi hands mappings and lists over as JSON, and strings as they are. */
function parsed(value: string | undefined): unknown {
  try {
    return value === undefined ? undefined : JSON.parse(value);
  } catch {
    return value;
  }
}

/** The key's text is in no sentence. */
function privateKeyMistakes(config: pulumi.Config): string[] {
  const text = config.get("sshPrivateKey");
  const wrong = text === undefined ? undefined : checks.privateKey(text);
  return wrong === undefined ? [] : [`sshPrivateKey is no private key: ${wrong}`];
}
