import * as pulumi from "@pulumi/pulumi";
import { stackConfiguration } from "../../components/config";
import { lookUps } from "../../components/lookUps";
import { backupStack } from "../../components/stack";
import { run, type Run, type Surroundings } from "./engine";
import { existing } from "./prod";

/** What a stack registered and gave out; an output that is not known is "unknown". */
export interface Program extends Run {
  outputs: Record<string, unknown>;
}

/** Hand this configuration to the program as the engine does. */
export function configure(config: Record<string, unknown>, secrets: Record<string, string> = {}): void {
  const texts = Object.entries({ ...config, ...secrets }).map(([key, value]) => [
    `amanda-backup:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const secretKeys = Object.keys(secrets).map((key) => `amanda-backup:${key}`);
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>, secretKeys);
}

/** Run what index.ts runs, for the configuration of existing machines unless another is given. */
export async function runStack(
  preview: boolean,
  config: Record<string, unknown> = existing(),
  secrets: Record<string, string> = {},
  surroundings: Surroundings = {},
): Promise<Program> {
  const outputs: Record<string, unknown> = {};
  const declare = async () => {
    configure(config, secrets);
    const configuration = stackConfiguration();
    for (const [name, value] of Object.entries(backupStack(configuration, await lookUps(configuration)))) {
      outputs[name] = await resolved(pulumi.output(value as unknown));
    }
  };
  const recorded = await run(preview, declare, surroundings);
  return { ...recorded, outputs };
}

function resolved(output: pulumi.Output<unknown>): Promise<unknown> {
  const { isKnown } = output as unknown as { isKnown: Promise<boolean> };
  return isKnown.then((known) => (known ? new Promise((resolve) => output.apply(resolve)) : "unknown"));
}
