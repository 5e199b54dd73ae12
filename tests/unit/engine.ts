import { generateKeyPairSync, randomBytes } from "crypto";
import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it with the engine. */
export interface Registered {
  urn: string;
  type: string;
  name: string;
  parent: string;
  custom: boolean;
  protect: boolean;
  dependencies: string[];
  additionalSecretOutputs: string[];
  replaceOnChanges: string[];
  /** Inputs as sent: a secret is `Secret`, what a preview does not know is `UNKNOWN`. */
  inputs: Record<string, unknown>;
}

/** A secret value as it goes to the engine. */
export class Secret {
  constructor(readonly value: unknown) {}
}

export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** What a program registered and gave out, and the secrets that its resources got. */
export interface Run {
  resources: Registered[];
  /** Private keys and passwords that the stand-in engine made. */
  secrets: string[];
}

/**
 * Run a program against an engine that records. With `preview` no resource has outputs yet; otherwise they are like
 * the real ones, with keys that are made anew.
 */
export async function run(preview: boolean, program: () => unknown, stack = "test"): Promise<Run> {
  const resources: Registered[] = [];
  const secrets: string[] = [];
  // The values are made here, so that a test can look for their very bytes.
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, custom }) => ({
      id: custom && !preview ? `${name}-id` : "",
      state: preview ? {} : outputs(type, secrets),
    }),
    call: () => ({}),
  };
  await pulumi.runtime.setMocks(mocks, "amanda-backup", stack, preview);
  record(resources);
  await program();
  await pulumi.runtime.disconnect();
  return { resources, secrets };
}

function outputs(type: string, secrets: string[]): Record<string, unknown> {
  switch (type) {
    case "tls:index/privateKey:PrivateKey": {
      const { publicKey, privateKey } = generateKeyPairSync("ed25519");
      const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
      const text = (value: string) =>
        Buffer.concat([Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]);
      const blob = Buffer.concat([text("ssh-ed25519"), Buffer.from([0, 0, 0, 32]), raw]).toString("base64");
      const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
      secrets.push(pem.split("\n")[1]!);
      return {
        publicKeyOpenssh: `ssh-ed25519 ${blob}\n`,
        privateKeyOpenssh: pem.replaceAll("PRIVATE", "OPENSSH PRIVATE"),
        privateKeyPem: pem,
      };
    }
    case "random:index/randomPassword:RandomPassword": {
      const result = randomBytes(2925).toString("hex").slice(0, 3900);
      secrets.push(result.slice(0, 60));
      return { result, bcryptHash: "$2a$10$hash" };
    }
    case "command:remote:Command":
      return { stdout: "ok\n", stderr: "" };
    default:
      return {};
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the monitor's messages have no public types */
/** Mocks are told neither parent nor options, so listen to what the program sends to the engine. */
function record(resources: Registered[]): void {
  const monitor = (pulumi.runtime as any).getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: (error: unknown, response: any) => void) =>
    register(request, (error: unknown, response: any) => {
      if (!error) {
        resources.push({
          urn: response.getUrn(),
          type: request.getType(),
          name: request.getName(),
          parent: request.getParent(),
          custom: request.getCustom(),
          protect: request.getProtect() ?? false,
          dependencies: request.getDependenciesList(),
          additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
          replaceOnChanges: request.getReplaceonchangesList(),
          inputs: withSecrets(request.getObject().toJavaScript()) as Record<string, unknown>,
        });
      }
      callback(error, response);
    });
}
/* eslint-enable */

function withSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withSecrets);
  }
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    const inner = Object.fromEntries(entries.map(([key, item]) => [key, withSecrets(item)]));
    return SIGNATURE in inner ? new Secret(inner.value) : inner;
  }
  return value;
}

/** The value of an output. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
