import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface SshIdentityArgs {
  /** Where the public key says it comes from: the comment behind it. Default: none. Example: `amanda-backup.prod dump`. */
  comment?: string;
}

/** An ssh key pair. The private half is a secret of the stack's state. */
export class SshIdentity extends pulumi.ComponentResource {
  /** Public key in OpenSSH form, with the comment when there is one. */
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
    const { comment } = args;
    this.publicKey = key.publicKeyOpenssh.apply((text) =>
      comment === undefined ? text.trim() : `${text.trim()} ${comment}`,
    );
    this.privateKey = pulumi.secret(key.privateKeyOpenssh);
    this.registerOutputs({ publicKey: this.publicKey });
  }
}
