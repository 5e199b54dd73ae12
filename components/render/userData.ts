/** What a virtual machine is told at its first boot, and what never changes for as long as it lives. */
export interface Boot {
  /** The ssh host key by which everybody will know it, private and public half in OpenSSH form. */
  hostKey: { privateKey: string; publicKey: string };
  /** Public keys that may log in as the image's own user; later ones are given to the machine by other means. */
  adminKeys: readonly string[];
}

/**
 * The user data for cloud-init: the host key, who may log in, and nothing else, since a change would replace the
 * machine. It holds a private key, so it is a secret. JSON is YAML, and quotes whatever is in a key's comment.
 */
export function userData({ adminKeys, hostKey }: Boot): string {
  const config = {
    ssh_authorized_keys: adminKeys,
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
  };
  return `#cloud-config\n${JSON.stringify(config, undefined, 2)}\n`;
}
