import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface SshIdentityArgs {
  /** Where the public key says it comes from: the comment behind it. Example: `amanda-backup.prod dump`. */
  comment: string;
}

/** An ssh key pair. The private half is a secret of the stack's state. */
export class SshIdentity extends pulumi.ComponentResource {
  /** Public key in OpenSSH form with its comment. */
  readonly publicKey: pulumi.Output<string>;
  /** Private key in OpenSSH form, a secret. */
  readonly privateKey: pulumi.Output<string>;

  constructor(name: string, args: SshIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:SshIdentity", name, {}, opts);
    const key = new tls.PrivateKey(
      `${name}-key`,
      { algorithm: "ED25519" },
      {
        parent: this,
        additionalSecretOutputs: ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"],
      },
    );
    this.publicKey = pulumi.interpolate`${key.publicKeyOpenssh.apply((text) => text.trim())} ${args.comment}`;
    this.privateKey = pulumi.secret(key.privateKeyOpenssh);
    this.registerOutputs({ publicKey: this.publicKey });
  }
}
