import * as pulumi from "@pulumi/pulumi";
import { type HostIdentity, type SshAccount } from "./host";

/** What a client needs to know of the server, be it in this stack or in another. */
export interface BackupServerRef {
  /** Amanda's name of the server. */
  readonly serverName: pulumi.Input<string>;
  /** The address or network that the server's ssh comes from; null when that is not known. */
  readonly sourceAddress: pulumi.Input<string | null>;
  /** By this key the server reaches amandad on its clients. */
  readonly dumpPublicKey: pulumi.Input<string>;
  /** The account `enrol` on the server, with this stack's key, and what changes when the server is a new one. */
  readonly enrolment: SshAccount & { identity: pulumi.Input<HostIdentity> };
  /** `project.stack` for which that key speaks. */
  readonly namespace: string;
  /** The sets that a directory may be in: plain in the server's own program, where mistakes are told at once. */
  readonly sets: readonly string[] | pulumi.Output<readonly string[]>;
  /** The server's family of platforms, whose dumptypes have the plain names. */
  readonly platform: string | pulumi.Output<string>;
}

/** The function of the value: now when the value is plain, else once it is known. */
export function whenKnown<T, R>(value: T | pulumi.Output<T>, then: (value: T) => R): R | pulumi.Output<R> {
  return pulumi.Output.isInstance(value) ? (value.apply(then as never) as pulumi.Output<R>) : then(value);
}
