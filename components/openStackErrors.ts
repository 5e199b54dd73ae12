import * as pulumi from "@pulumi/pulumi";
import { explain, type Wording } from "./render/openStackErrors";

export { type Wording };

/** How a component's resources tell what a refusal of OpenStack means. */
export interface Explaining {
  /** For the option `hooks`. */
  hooks: pulumi.ResourceHookBinding;
  /** For an input of each resource that depends on no other of the component's: it must not be declared earlier. */
  settled: <T>(value: T) => Promise<T>;
}

/**
 * When the provider fails, say in one sentence which key is to be changed and how. `name` is that of the component,
 * since a hook has a name of its own in the program.
 *
 * Engine and language host must both know error hooks, and only trying tells: a language host that is older than the
 * engine passes the question on and cannot pass on the hook. Then the provider's words have to do, and README's table.
 */
export function explaining(name: string, wording?: Wording): Explaining {
  const onError: pulumi.ErrorHook[] = [];
  const hook = new pulumi.ErrorHook(
    `${name}-explaining`,
    async ({ errors, failedOperation, name: resource, type }) => {
      const sentence = explain({ type, operation: failedOperation, error: errors[0] ?? "" }, wording);
      if (sentence !== undefined) {
        await pulumi.log.error(`${resource}: ${sentence}`);
      }
      // Nothing that is refused here is taken at the next try.
      return false;
    },
  );
  // The types leave it out.
  const { __registered: registered } = hook as unknown as { __registered: Promise<void> };
  const tried = registered.then(
    () => void onError.push(hook),
    () => undefined,
  );
  return { hooks: { onError }, settled: (value) => tried.then(() => value) };
}
