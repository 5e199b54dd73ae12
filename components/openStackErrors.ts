import * as pulumi from "@pulumi/pulumi";
import { explain, type Wording } from "./render/openStackErrors";

export { type Wording };

/**
 * For the option `hooks` of OpenStack's resources: when the provider fails, say in one sentence which key is to be
 * changed and how. `name` is that of the component, since a hook has a name of its own in the program.
 */
export function explaining(name: string, wording?: Wording): pulumi.ResourceHookBinding {
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
  return { onError: [hook] };
}
