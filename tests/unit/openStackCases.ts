import { type Case } from "./prod";

const MADE =
  "openstack is missing: server, clients.web1 are to be made; give image, flavor, network, adminKeys and adminNetworks";
const THERE = "give address, user and hostKey of a machine that is there, or openstack for one to be made";

/** Mistakes in machines that are made or looked up: what, the change of Pulumi.prod.yaml, and the sentence. */
export const openStackCases: Case[] = [
  ["a server that is nowhere", (c) => delete c.server.openstack, `server.address is missing: ${THERE}`],
  [
    "a client that is nowhere",
    (c) => delete c.clients.web1.openstack,
    `clients.web1.address is missing: ${THERE}, or instance for one that another team made`,
  ],
  [
    "a machine that is there and is to be made",
    (c) => (c.clients.web1.address = "192.0.2.20"),
    'clients.web1.address is "192.0.2.20": clients.web1.openstack says it; keep address for a machine that is there, or openstack alone',
  ],
  [
    "a user of a machine that is to be made",
    (c) => (c.server.user = "debian"),
    'server.user is "debian": server.openstack says it; keep user for a machine that is there, or openstack alone',
  ],
  [
    "a machine that is to be made and is another team's",
    (c) => (c.clients.web1.instance = { name: "web1" }),
    "clients.web1 has openstack and instance: keep openstack for a machine to be made, instance for one that another team made",
  ],
  [
    "an address of another team's machine",
    (c) => (c.clients.mail1.address = "192.0.2.20"),
    'clients.mail1.address is "192.0.2.20": clients.mail1.instance says it; keep address for a machine that is there, or instance alone',
  ],
  [
    "another team's machine without a name",
    (c) => (c.clients.mail1.instance = {}),
    "clients.mail1.instance names no instance: give its id, or its name",
  ],
  [
    "another team's machine with two names",
    (c) => (c.clients.mail1.instance.id = "0e7d1c9a-54a5-4d6e-9c55-0f5f0f3b8a11"),
    "clients.mail1.instance has id and name: keep one, the id where there is a choice",
  ],
  [
    "an id of an instance that is none",
    (c) => (c.clients.mail1.instance = { id: "mail1" }),
    'clients.mail1.instance.id is "mail1": give the id, as OpenStack shows it: 32 hexadecimal digits in five groups',
  ],
  [
    "another team's machine without a host key",
    (c) => delete c.clients.mail1.hostKey,
    "clients.mail1.hostKey is missing: give the machine's public ssh key; ssh-keyscan -t ed25519 ADDRESS shows it, compare it with the machine's own",
  ],
  [
    "a server that is another team's",
    (c) => (c.server.instance = { name: "backup1" }),
    "server.instance is no key of this program: known: address, user, port, hostKey, openstack, generation, platform, name, sourceAddress, dataPath, lockWaitMinutes, hooks",
  ],
  ["nothing that machines have in common", (c) => delete c.openstack, MADE],
  [
    "no image",
    (c) => delete c.openstack.image,
    "openstack.image is missing: give the image's id; `openstack image list` shows it",
  ],
  [
    "an image by its name",
    (c) => (c.openstack.image = "debian-12"),
    'openstack.image is "debian-12": give the image\'s id, not its name, which may come to mean another; `openstack image list` shows it',
  ],
  [
    "a client's image by its name",
    (c) => (c.clients.web1.openstack.image = "debian-12"),
    'clients.web1.openstack.image is "debian-12": give the image\'s id, not its name, which may come to mean another; `openstack image list` shows it',
  ],
  [
    "no flavor for one machine",
    (c) => delete c.openstack.flavor,
    "openstack.flavor is missing: give the flavor's name; `openstack flavor list` shows it",
  ],
  [
    "no network",
    (c) => delete c.openstack.network,
    "openstack.network is missing: give the network's name or id",
  ],
  [
    "a subnet by its name",
    (c) => (c.openstack.subnet = "lan"),
    'openstack.subnet is "lan": give the id, as OpenStack shows it: 32 hexadecimal digits in five groups',
  ],
  [
    "no administrator",
    (c) => (c.openstack.adminKeys = []),
    "openstack.adminKeys is missing: give the public keys that may log in, this machine's among them",
  ],
  [
    "an administrator's key that is cut off",
    (c) => (c.openstack.adminKeys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZ"]),
    'openstack.adminKeys[0] is "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZ": the key is cut off or damaged; give type and base64, as in "ssh-ed25519 AAAAC3…" (ssh-keyscan -t ed25519 ADDRESS shows a host\'s; compare it)',
  ],
  [
    "nowhere to come from",
    (c) => delete c.openstack.adminNetworks,
    "openstack.adminNetworks is missing: give the networks from which administrators come by ssh: this machine's, or the bastion's as the machines see it",
  ],
  [
    "a network that is none",
    (c) => (c.openstack.adminNetworks = ["10.1.0.0/33"]),
    'openstack.adminNetworks[0] is "10.1.0.0/33": give a network like 10.1.0.0/24, or an address',
  ],
  [
    "a network that OpenStack would write otherwise",
    (c) => (c.server.openstack.enrolNetworks = ["10.1.0.7/24"]),
    'server.openstack.enrolNetworks[0] is "10.1.0.7/24": it begins at 10.1.0.0; give 10.1.0.0/24',
  ],
  [
    "a config drive in words",
    (c) => (c.openstack.configDrive = "yes"),
    'openstack.configDrive is "yes": give true or false',
  ],
  [
    "a bastion without a host key",
    (c) => delete c.openstack.bastion.hostKey,
    "openstack.bastion.hostKey is missing: give the bastion's public ssh key; ssh-keyscan -t ed25519 ADDRESS shows it, compare it with the machine's own",
  ],
  [
    "a bastion without an address",
    (c) => delete c.openstack.bastion.address,
    "openstack.bastion.address is missing: give the bastion's IP address or host name",
  ],
  [
    "a machine with a host name for an address",
    (c) => (c.clients.web1.openstack.address = "web1.example.org"),
    'clients.web1.openstack.address is "web1.example.org": give an IPv4 address like 10.1.0.11',
  ],
  [
    "a machine with an IPv6 address",
    (c) => (c.server.openstack.address = "2001:db8::11"),
    'server.openstack.address is "2001:db8::11": give an IPv4 address like 10.1.0.11',
  ],
  [
    "a client at the server's address",
    (c) => (c.clients.web1.openstack.address = "10.1.0.11"),
    'clients.web1.openstack.address is "10.1.0.11": the server has this address; its directories go to serverDirectories, and another machine needs an address of its own',
  ],
  [
    "two machines at one address, of which one is there",
    (c) => (c.clients.db1.address = "10.1.0.20"),
    'clients.db1.address is "10.1.0.20": clients.web1 has this address, of which the server reaches port 22 alone; put the directories of both there, or give this machine an address of its own',
  ],
  [
    "a made client with the server's name in the stack",
    (c) => (c.clients.backup = { openstack: { address: "10.1.0.30" } }),
    'clients.backup is "backup": the machine of the server has this name in the stack, so no other that is made can have it; choose another name',
  ],
  [
    "a server without a data volume",
    (c) => delete c.server.openstack.volumeGB,
    "server.openstack.volumeGB is missing: give the size of the data volume in GB",
  ],
  [
    "a data volume that is too small",
    (c) => (c.server.openstack.volumeGB = 75),
    "server.openstack.volumeGB is 75: the sets need 76 GB (tapecycle × vtapeMB + holdingMB: daily 73728 MB; and a twentieth for file system and catalogue); give at least that, or make the sets smaller",
  ],
  [
    "a client with a data volume",
    (c) => (c.clients.web1.openstack.volumeGB = 10),
    "clients.web1.openstack.volumeGB is no key of this program: known: address, flavor, image, floatingNetwork",
  ],
  [
    "a server by a name, whose clients' security group has to know its address",
    (c) => {
      const { hostKey } = c.clients.db1;
      c.server = { name: "backup1", address: "backup.example.org", user: "debian", hostKey };
    },
    "server.sourceAddress is missing: give the address or network that the server's ssh comes from, which is to be let in by clients.web1",
  ],
];
