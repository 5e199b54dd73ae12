import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state";
import { AFTERWARDS, explain, type Wording } from "./render/openStackErrors";

export { type Wording };

/**
 * For the option `hooks` of a component's resources: when the provider fails, say in one sentence which key is to be
 * changed and how. `component` is its type and name, since a hook has a name of its own in the program and a machine and
 * its access may have one name.
 */
export function explaining(component: string, wording?: Wording): pulumi.ResourceHookBinding {
  if (!errorHooksAreKnown()) {
    return {};
  }
  const hook = new pulumi.ErrorHook(
    `explaining ${component}`,
    async ({ errors, failedOperation, name: resource, type }) => {
      const sentence = explain({ type, operation: failedOperation, error: errors[0] ?? "" }, wording);
      if (sentence !== undefined) {
        await pulumi.log.error(`${resource}: ${sentence}; ${AFTERWARDS}`);
      }
      // Nothing that is refused here is taken at the next try.
      return false;
    },
  );
  return { onError: [hook] };
}

/**
 * Whether engine and language host both know error hooks; otherwise the provider's words have to do, and README's table.
 * A language host that is older than the engine hands the engine's yes on and not the hook itself. Such a one does not
 * tell its programs the root directory either.
 */
function errorHooksAreKnown(): boolean {
  // The types leave it out.
  const { getStore } = state as unknown as { getStore: () => { supportsErrorHooks: boolean } };
  return getStore().supportsErrorHooks && process.env.PULUMI_NODEJS_ROOT_DIRECTORY !== undefined;
}
