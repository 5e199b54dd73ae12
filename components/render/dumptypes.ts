/** The dumptype of clients, which a directory has unless it names another. */
export const CLIENT_DUMPTYPE = "encrypt-gnutar-ssh";

/** The dumptype of the server's own directories. */
export const OWN_DUMPTYPE = "encrypt-gnutar-local";

/** The dumptypes that a client's directory may name. */
export const CLIENT_DUMPTYPES = [CLIENT_DUMPTYPE];

/**
 * amanda.conf defines each client dumptype once a family of platforms, since user and paths on the client differ.
 * The one of the server's own family has the plain name.
 */
export function dumptypeSuffix(clientPlatform: string, serverPlatform: string): string {
  return clientPlatform === serverPlatform ? "" : `-${clientPlatform}`;
}
