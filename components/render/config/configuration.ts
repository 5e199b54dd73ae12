import { type BackupSet } from "../amandaConf";
import { type Directory } from "../disklist";

/** The stack's configuration after validation; Pulumi.prod.yaml explains each key. */
export interface Configuration {
  server: ServerConfig;
  sets: Record<string, BackupSet>;
  mirror?: MirrorConfig;
  encryption: EncryptionConfig;
  clients: Record<string, ClientConfig>;
  /** Directories that are enrolled one by one, as a module's own BackupDirectory would be. */
  directories: (Directory & { client: string })[];
  /** Directories of the server itself. */
  serverDirectories: Directory[];
  notify: { mail?: string };
  /** Other stacks that may enrol directories, by PROJECT.STACK. */
  namespaces: Record<string, Namespace>;
}

/** A machine that is reached by ssh. */
export interface HostConfig {
  address: string;
  /** The administrator's account, which may run anything by sudo without a password. */
  user: string;
  port: number;
  /** The host's public key in OpenSSH form. */
  hostKey: string;
  /** Counted up by hand to have the machine converged again. */
  generation: number;
  /** A row of host/platforms.json. */
  platform: string;
}

export interface ServerConfig extends HostConfig {
  name: string;
  sourceAddress?: string;
  dataPath: string;
  lockWaitMinutes: number;
  hooks: Record<string, Hook>;
}

export interface ClientConfig extends HostConfig {
  directories: Directory[];
  hooks: Record<string, Hook>;
}

/** A script that runs on a client before or after a dump. */
export interface Hook {
  /** The account that runs it. */
  user: string;
  /** The text of the script, with its `#!` line. */
  script: string;
}

/** Where the vtapes are copied to, by a user of its own. */
export interface MirrorConfig {
  user: string;
  path: string;
  /** The mount point that must be there before anything is written. */
  mount: string;
  /** The type of file system that must be mounted there. */
  fstype: string;
  /** Days for which a generation is kept after its vtapes were written again. */
  keepDays: number;
}

export interface EncryptionConfig {
  /** The id of the key that new dumps get. */
  keyId: string;
  /** Ids of earlier keys, still needed to read what they encrypted. */
  retiredKeyIds: string[];
}

/** Another stack that may enrol directories. */
export interface Namespace {
  publicKey: string;
  /** Client names, addresses and networks that it may speak for. */
  hosts: string[];
}
