import type * as pulumi from "@pulumi/pulumi";
import { type Host } from "./host";

/** What a client needs to know of the server, be it in this stack or in another. */
export interface BackupServerRef {
  /** Amanda's name of the server. */
  readonly serverName: string;
  /** The address or network that the server's ssh comes from; null when that is not known. */
  readonly sourceAddress: pulumi.Input<string | null>;
  /** By this key the server reaches amandad on its clients. */
  readonly dumpPublicKey: pulumi.Input<string>;
  /** The account `enrol` on the server, with this stack's key. */
  readonly enrolment: Host;
  /** `project.stack` for which that key speaks. */
  readonly namespace: string;
  /** The sets that a directory may be in. */
  readonly sets: readonly string[];
  /** The server's family of platforms, whose dumptypes have the plain names. */
  readonly platform: string;
}
