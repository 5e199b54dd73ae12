import * as pulumi from "@pulumi/pulumi";
import { type BackupServerRef, whenKnown } from "./backupServerRef";
import { HostSetup } from "./hostSetup";
import { ENROL_LINE, WITHDRAW_LINE } from "./render/commandLines";
import { type Directory } from "./render/disklist";
import { type Enrolment, enrolmentDocument } from "./render/enrolment";

/** What of an enrolment its client or directory decides. */
interface Declared extends Omit<Enrolment<pulumi.Input<string>>, "directories" | "identity" | "namespace"> {
  directories: (Directory | pulumi.Output<Directory>)[];
}

/**
 * Hand a client's or a stand-alone directory's entries to the server, and withdraw them when the resource is deleted.
 *
 * The resource's URN travels along: Pulumi replaces a renamed resource by creating the new one first, so the server
 * withdraws only what the same resource has handed in.
 */
export function enrol(
  name: string,
  owner: pulumi.ComponentResource,
  server: BackupServerRef,
  declared: Declared,
  dependsOn: pulumi.Resource[],
): HostSetup {
  const identity = pulumi.all([server.enrolment.identity, owner.urn]);
  const { directories } = declared;
  const known = directories.some((directory) => pulumi.Output.isInstance(directory))
    ? pulumi.all(directories)
    : (directories as Directory[]);
  const document = whenKnown(known, (list) =>
    enrolmentDocument({
      ...declared,
      directories: list,
      identity: identity.apply(([host, resource]) => ({ ...host, resource })),
      namespace: server.namespace,
    }),
  );
  return new HostSetup(
    `${name}-enrolment`,
    {
      host: server.enrolment,
      line: ENROL_LINE,
      deleteLine: WITHDRAW_LINE,
      document,
      review: { disklist: whenKnown(document, ({ disklist }) => disklist) },
    },
    { parent: owner, dependsOn },
  );
}
