import { type BackupSet } from "../amandaConf";
import { type Directory } from "../disklist";

/** The stack's configuration after validation; Pulumi.prod.yaml explains each key. */
export interface Configuration {
  /** There when any machine is made by the stack. */
  openstack?: OpenStackConfig;
  /** A machine to go through to those that the stack makes or looks up. */
  bastion?: ExistingConfig;
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

/** A machine that is reached by ssh, in one of three ways: as it is, made by the stack, or looked up. */
export interface HostConfig {
  existing?: ExistingConfig;
  openstack?: OpenStackMachine;
  instance?: InstanceConfig;
  /** Counted up by hand to have the machine converged again. */
  generation: number;
  /** A row of host/platforms.json. */
  platform: string;
}

/** A machine as it is. */
export interface ExistingConfig {
  address: string;
  /** The administrator's account, which may run anything by sudo without a password. */
  user: string;
  port: number;
  /** The host's public key in OpenSSH form. */
  hostKey: string;
}

/** Another team's virtual machine, which is looked up and not managed. */
export interface InstanceConfig extends Omit<ExistingConfig, "address"> {
  /** Exactly one of id and name. */
  id?: string;
  name?: string;
  /** Which of its addresses; needed when it has several. */
  address?: string;
}

/** A virtual machine that the stack makes. What is common to all is filled in. */
export interface OpenStackMachine {
  /** Its fixed IPv4 address; without it Neutron chooses. */
  address?: string;
  image: string;
  flavor: string;
  floatingNetwork?: string;
  /** Of the server: the size of the data volume in GB (2^30 bytes). */
  volumeGB?: number;
  /** Of the server: networks from which other stacks enrol. */
  enrolNetworks: string[];
  /** The keys as the user finds them, by the names here. */
  keys: { address: string; image: string; flavor: string; floatingNetwork: string; volumeGB: string };
}

/** What all machines that the stack makes have in common. */
export interface OpenStackConfig {
  network: string;
  subnet?: string;
  adminKeys: string[];
  adminNetworks: string[];
  configDrive: boolean;
  availabilityZone?: string;
  user: string;
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
