import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Host } from "./host";
import { hostDocument } from "./hostDocument";
import { HostSetup } from "./hostSetup";
import { platformOf } from "./render/platforms";
import { type SshIdentity } from "./sshIdentity";

const KEY_LINES = 65;
const KEY_LINE_LENGTH = 60;
const PASSPHRASE_LENGTH = 60;

export interface AmcryptKeysArgs {
  /** The backup server. */
  host: Host;
  /** The key's id, which becomes part of every dump's header. Example: `2026a`. */
  keyId: string;
  /** Minutes to wait for a run in progress. */
  lockWaitMinutes: number;
  /** The server's ssh identities, which travel with the key. */
  identities: { dump: SshIdentity; sign: SshIdentity };
}

/**
 * amcrypt's key with one id: passphrase and key text, made once and protected, and the command that installs them on
 * the server, which never puts a key over a different one. Everything in it is secret.
 */
export class AmcryptKeys extends pulumi.ComponentResource {
  constructor(name: string, args: AmcryptKeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("amanda-backup:index:AmcryptKeys", name, {}, opts);
    const { dump, sign } = args.identities;
    const passphrase = this.secret(`${name}-passphrase`, PASSPHRASE_LENGTH);
    const keyText = this.secret(`${name}-text`, KEY_LINES * KEY_LINE_LENGTH).apply(inLines);
    new HostSetup(
      `${name}-setup`,
      {
        host: args.host,
        secret: true,
        document: hostDocument(args.host, "secrets", {
          settings: {
            platform: platformOf(args.host.platform),
            lockWaitMinutes: args.lockWaitMinutes,
            keyId: args.keyId,
            passphrase,
            keyText,
            identities: { dump: dump.privateKey, sign: sign.privateKey },
          },
        }),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  /** Letters and digits that no state shows: of the random resources only RandomPassword keeps its value from its id. */
  private secret(name: string, length: number): pulumi.Output<string> {
    const password = new random.RandomPassword(
      name,
      { length, special: false },
      { parent: this, protect: true, additionalSecretOutputs: ["result", "bcryptHash"] },
    );
    return pulumi.secret(password.result);
  }
}

/** The form in which amcrypt wants its key: 65 lines, of which each is a key for aespipe. */
function inLines(text: string): string {
  const lines = text.match(new RegExp(`.{${KEY_LINE_LENGTH}}`, "g"))!;
  return `${lines.join("\n")}\n`;
}
