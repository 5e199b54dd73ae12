import { generateKeyPairSync, randomBytes } from "crypto";
import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state";
import { ROOT } from "../../components/render/text";

/** A resource as the program registered it with the engine. */
export interface Registered {
  urn: string;
  type: string;
  name: string;
  parent: string;
  custom: boolean;
  protect: boolean;
  retainOnDelete: boolean;
  /** The URN of the resource whose deletion deletes this one. */
  deletedWith: string;
  deleteBeforeReplace: boolean;
  ignoreChanges: string[];
  dependencies: string[];
  additionalSecretOutputs: string[];
  replaceOnChanges: string[];
  /** Names of the hooks that are called when the provider fails. */
  onError: string[];
  customTimeouts: { delete: string };
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
  /** What is called when the provider fails, by name. */
  hooks: Map<string, pulumi.ErrorHook>;
  /** What was looked up. */
  calls: [string, Record<string, unknown>][];
}

/** What surrounds a program. */
export interface Surroundings {
  /** The stack's name. Default: test. */
  stack?: string;
  /** What look-ups are answered. Default: CLOUD. */
  cloud?: Cloud;
  /** The outputs of the stack that the program refers to. Default: none. */
  stackOutputs?: Record<string, unknown>;
  /** Whether engine and language host know error hooks. Default: true. */
  errorHooks?: boolean;
}

/**
 * Run a program against an engine that records. With `preview` no resource has outputs yet; otherwise they are like
 * the real ones, with keys that are made anew.
 */
export async function run(
  preview: boolean,
  program: () => unknown,
  { stack = "test", cloud = CLOUD, stackOutputs = {}, errorHooks = true }: Surroundings = {},
): Promise<Run> {
  const resources: Registered[] = [];
  const secrets: string[] = [];
  const hooks = new Map<string, pulumi.ErrorHook>();
  const calls: Run["calls"] = [];
  // The values are made here, so that a test can look for their very bytes.
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, custom, inputs }) =>
      // Which is read, not made, also in a preview.
      type === "pulumi:pulumi:StackReference"
        ? { id: name, state: { name, outputs: stackOutputs, secretOutputNames: [] } }
        : {
            id: custom && !preview ? `${name}-id` : "",
            state: preview ? {} : outputs(type, secrets, inputs),
          },
    call: ({ token, inputs }) => {
      calls.push([token, inputs]);
      return cloud(token, inputs);
    },
  };
  await pulumi.runtime.setMocks(mocks, "amanda-backup", stack, preview);
  record(resources);
  recordHooks(hooks);
  knowErrorHooks(errorHooks);
  try {
    await program();
  } finally {
    await pulumi.runtime.disconnect();
  }
  return { resources, secrets, hooks, calls };
}

/** What a look-up in the cloud answers; it throws what the provider says. */
export type Cloud = (token: string, inputs: Record<string, unknown>) => Record<string, unknown>;

/** A cloud that has whatever is asked for. */
export const CLOUD: Cloud = (token, inputs) => {
  switch (token) {
    case "openstack:networking/getNetwork:getNetwork":
      return { id: "network-id", subnets: ["subnet-id"] };
    case "openstack:networking/getSubnet:getSubnet":
      return { id: "subnet-id", networkId: inputs.networkId, cidr: "10.1.0.0/24" };
    case "openstack:compute/getFlavor:getFlavor":
      return { id: "flavor-id", name: inputs.name };
    case "openstack:images/getImageIds:getImageIds":
      return { ids: ["1f2f0a4e-8a53-4c6d-9be1-6a2f6f6c0b55"] };
    case "openstack:networking/getPort:getPort":
      return { id: "port-id", deviceId: `id-of-${String(inputs.dnsName)}` };
    case "openstack:compute/getInstanceV2:getInstanceV2":
      return {
        id: inputs.id,
        name: "its name",
        imageId: "its image",
        networks: [{ fixedIpV4: "10.1.0.99" }],
      };
    default:
      throw new Error(`nobody asks for ${token}`);
  }
};

function outputs(type: string, secrets: string[], inputs: Record<string, unknown>): Record<string, unknown> {
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
    case "openstack:networking/port:Port":
      return { allFixedIps: ["10.1.0.77"] };
    case "openstack:compute/volumeAttach:VolumeAttach":
      return { volumeId: inputs.volumeId };
    case "openstack:networking/floatingIp:FloatingIp":
      return { address: "198.51.100.77" };
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
          retainOnDelete: request.getRetainondelete() ?? false,
          deletedWith: request.getDeletedwith(),
          deleteBeforeReplace: request.getDeletebeforereplace(),
          ignoreChanges: request.getIgnorechangesList(),
          dependencies: request.getDependenciesList(),
          additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
          replaceOnChanges: request.getReplaceonchangesList(),
          onError: request.getHooks()?.getOnErrorList() ?? [],
          customTimeouts: { delete: request.getCustomtimeouts()?.getDelete() ?? "" },
          inputs: withSecrets(request.getObject().toJavaScript()) as Record<string, unknown>,
        });
      }
      callback(error, response);
    });
}

/** The stand-in engine calls no hooks, so keep them for a test to call. */
function recordHooks(hooks: Map<string, pulumi.ErrorHook>): void {
  const registerErrorHook = (hook: pulumi.ErrorHook) => {
    if (hooks.has(hook.name)) {
      throw new Error(`the hook ${hook.name} is registered twice`);
    }
    hooks.set(hook.name, hook);
    return Promise.resolve();
  };
  (state as any).getStore().callbacks = {
    registerErrorHook,
    awaitStackRegistrations: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}
/* eslint-enable */

/** A language host that knows them tells its programs the root directory. */
function knowErrorHooks(known: boolean): void {
  if (known) {
    process.env.PULUMI_NODEJS_ROOT_DIRECTORY = ROOT;
  } else {
    delete process.env.PULUMI_NODEJS_ROOT_DIRECTORY;
  }
}

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
