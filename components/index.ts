/** What other programs use of this package: `import { BackupClient } from "amanda-backup"`. */
export { BackupClient, type BackupClientArgs } from "./backupClient";
export { BackupDirectory, type BackupDirectoryArgs } from "./backupDirectory";
export { BackupServer, type BackupServerArgs } from "./backupServer";
export { type BackupServerRef } from "./backupServerRef";
export { ExistingInstance, type ExistingInstanceArgs } from "./existingInstance";
export { ExistingHost, type ExistingHostArgs, type Host, type HostIdentity, type HostProxy } from "./host";
export { OpenStackHost, type OpenStackHostArgs } from "./openStackHost";
export { SshAccess, type SshAccessArgs } from "./sshAccess";
export { SshIdentity, type SshIdentityArgs } from "./sshIdentity";
export { VisibleError } from "./visibleError";
