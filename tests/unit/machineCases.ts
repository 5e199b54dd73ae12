import { type Case } from "./prod";

/** Mistakes in machines, sets, keys and mirror: what, the change that makes it, and the one sentence that tells it. */
export const machineCases: Case[] = [
  [
    "a mistyped key of the stack",
    (c) => (c.serverr = {}),
    "serverr is no key of this program: did you mean server? (known: openstack, server, sets, mirror, encryption, " +
      "clients, directories, serverDirectories, notify, namespaces, sshPrivateKey)",
  ],
  [
    "a mistyped key of a set",
    (c) => (c.sets.daily.tapecycel = 16),
    "sets.daily.tapecycel is no key of this program: did you mean tapecycle? (known: schedule, dumpcycle, " +
      "runspercycle, tapecycle, runtapes, vtapeMB, partMB, holdingMB, inparallel, maxpromoteday)",
  ],
  [
    "a key that is like no other",
    (c) => (c.notify.colour = "red"),
    "notify.colour is no key of this program: known: mail",
  ],
  [
    "no set",
    (c) => delete c.sets && delete c.serverDirectories && delete c.clients && delete c.directories,
    "sets is missing: declare at least one set, such as daily with its vtapeMB",
  ],
  [
    "no server",
    (c) => (c.server = { user: "debian", hostKey: c.server.hostKey, name: "backup1" }),
    "server.address is missing: give the machine's IP address or host name",
  ],
  [
    "a server that is no mapping",
    (c) => (c.notify = "root"),
    'notify is "root": give a mapping of keys to values',
  ],
  [
    "no encryption",
    (c) => delete c.encryption,
    "encryption.keyId is missing: name the key that encrypts new dumps, such as 2026a",
  ],
  [
    "a number for a string",
    (c) => (c.encryption.keyId = 2026),
    'encryption.keyId is 2026: write it in quotes, "2026"',
  ],
  [
    "a key id that is a path",
    (c) => (c.encryption.keyId = "../x"),
    `encryption.keyId is "../x": use at most 32 letters, digits, '.', '_' and '-', with a letter or digit first, such as 2026a`,
  ],
  [
    "a retired key that is current",
    (c) => (c.encryption.retiredKeyIds = ["2026a"]),
    'encryption.retiredKeyIds[0] is "2026a": the id is there twice; name each key once',
  ],
  [
    "an address that is none",
    (c) => (c.clients.web1.address = "web 1"),
    'clients.web1.address is "web 1": give an IP address, or a host name of at most 253 characters',
  ],
  [
    "an address that nearly is one",
    (c) => (c.clients.web1.address = "192.0.2.256"),
    'clients.web1.address is "192.0.2.256": give an IP address, or a host name of at most 253 characters',
  ],
  [
    "a name longer than DNS has",
    (c) => (c.clients.web1.address = "a".repeat(254)),
    `clients.web1.address is "${"a".repeat(75)} …: give an IP address, or a host name of at most 253 characters`,
  ],
  [
    "the server as its own client",
    (c) => (c.clients.web1.address = "192.0.2.10"),
    'clients.web1.address is "192.0.2.10": the server has this address; its directories go to serverDirectories, and another machine needs an address of its own',
  ],
  [
    "two clients that are one machine",
    (c) => (c.clients.db1.address = "192.0.2.20"),
    'clients.db1.address is "192.0.2.20": clients.web1 has this address, of which the server reaches port 22 alone; put the directories of both there, or give this machine an address of its own',
  ],
  [
    "the server as its own client on another port",
    (c) => Object.assign(c.clients.web1, { address: "192.0.2.10", port: 2222 }),
    'clients.web1.address is "192.0.2.10": the server has this address; its directories go to serverDirectories, and another machine needs an address of its own',
  ],
  [
    "two clients at one address, each with a port of its own",
    (c) => Object.assign(c.clients.db1, { address: "192.0.2.20", port: 2222 }),
    'clients.db1.address is "192.0.2.20": clients.web1 has this address, of which the server reaches port 22 alone; put the directories of both there, or give this machine an address of its own',
  ],
  [
    "a client with the server's name",
    (c) => (c.server.name = "web1"),
    'clients.web1 is "web1": the server has this name; its directories go to serverDirectories',
  ],
  [
    "a user that is none",
    (c) => (c.clients.web1.user = "Debian User"),
    `clients.web1.user is "Debian User": give the name of a user: lower-case letters, digits, '_', '.' and '-'`,
  ],
  [
    "a port out of range",
    (c) => (c.server.port = 70000),
    "server.port is 70000: give a whole number from 1 to 65535, where sshd listens",
  ],
  [
    "half a generation",
    (c) => (c.server.generation = 1.5),
    "server.generation is 1.5: give a whole number of at least 1, counted up to converge the machine again",
  ],
  [
    "an unknown platform",
    (c) => (c.clients.web1.platform = "debain"),
    'clients.web1.platform is "debain": no such platform; did you mean debian? (known: debian, redhat)',
  ],
  [
    "a host key that is a fingerprint",
    (c) => (c.server.hostKey = "SHA256:abc"),
    'server.hostKey is "SHA256:abc": give type and base64, as in "ssh-ed25519 AAAAC3…" (ssh-keyscan -t ed25519 ADDRESS shows a host\'s; compare it)',
  ],
  [
    "a host key that is cut off",
    (c) => (c.server.hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZ"),
    'server.hostKey is "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZ": the key is cut off or damaged; give type and base64, as in "ssh-ed25519 AAAAC3…" (ssh-keyscan -t ed25519 ADDRESS shows a host\'s; compare it)',
  ],
  [
    "no host key",
    (c) => delete c.clients.web1.hostKey,
    "clients.web1.hostKey is missing: give the machine's public ssh key; ssh-keyscan -t ed25519 ADDRESS shows it, compare it with the machine's own",
  ],
  [
    "a source that is a name",
    (c) => (c.server.sourceAddress = "backup1"),
    'server.sourceAddress is "backup1": give a network like 10.1.0.0/24, or an address',
  ],
  [
    "a source that no security group could carry",
    (c) => (c.server.sourceAddress = "10.1.0.7/24"),
    'server.sourceAddress is "10.1.0.7/24": it begins at 10.1.0.0; give 10.1.0.0/24',
  ],
  [
    "a relative data path",
    (c) => (c.server.dataPath = "srv"),
    'server.dataPath is "srv": give an absolute path',
  ],
  [
    "a data path with a space",
    (c) => (c.server.dataPath = "/srv/a b"),
    `server.dataPath is "/srv/a b": use only letters, digits, '.', '_', '-' and '/' in this path`,
  ],
  [
    "a wait that is too long",
    (c) => (c.server.lockWaitMinutes = 600),
    "server.lockWaitMinutes is 600: give a whole number from 0 to 60, in minutes",
  ],
  [
    "a client that Amanda takes for a word",
    (c) => (c.clients.includefile = { ...c.clients.web1, address: "192.0.2.30", directories: [] }),
    'the name clients.includefile is "includefile": Amanda takes this word for something else; choose another name',
  ],
  [
    "a client's name with capitals",
    (c) => (c.clients.Web = { ...c.clients.web1, address: "192.0.2.30", directories: [] }),
    `the name clients.Web is "Web": use 1 to 63 lower-case letters, digits, '-' and '.', with a letter or digit first and last`,
  ],
  [
    "a set's name that is a path",
    (c) => (c.sets["../x"] = c.sets.daily),
    `the name sets.../x is "../x": use at most 32 lower-case letters, digits and '-', a letter first`,
  ],
  [
    "a tapecycle that is too small",
    (c) => (c.sets.daily.tapecycle = 14),
    "sets.daily.tapecycle is 14: a run would write over full dumps that are still needed; give at least 16, which is " +
      "(runspercycle 7 + the run in progress) × runtapes 2",
  ],
  [
    "more vtapes than labels",
    (c) => (c.sets.daily.tapecycle = 1000),
    "sets.daily.tapecycle is 1000: give a whole number from 2 to 999, the number of vtapes",
  ],
  [
    "a part as large as a vtape",
    (c) => (c.sets.daily.partMB = 4096),
    "sets.daily.partMB is 4096: a part must be smaller than a vtape (vtapeMB 4096)",
  ],
  [
    "a vtape of no size",
    (c) => (c.sets.daily.vtapeMB = 0),
    "sets.daily.vtapeMB is 0: give a whole number from 2 to 16777216, the size of a vtape in MB",
  ],
  [
    "a size in words",
    (c) => (c.sets.daily.holdingMB = "8 GB"),
    'sets.daily.holdingMB is "8 GB": give a whole number from 1 to 1073741824, in MB',
  ],
  [
    "a schedule of four fields",
    (c) => (c.sets.daily.schedule = "0 0 * *"),
    'sets.daily.schedule is "0 0 * *": give five fields (minute, hour, day of month, month, day of week), such as "45 0 * * *"',
  ],
  [
    "a schedule at minute 60",
    (c) => (c.sets.daily.schedule = "60 0 * * *"),
    'sets.daily.schedule is "60 0 * * *": its minute "60" is not a number from 0 to 59, *, a range, a list or a step',
  ],
  [
    "a schedule with a command",
    (c) => (c.sets.daily.schedule = "0 0 * * *\n* * * * * root sh"),
    'sets.daily.schedule is "0 0 * * *\\n* * * * * root sh": give five fields (minute, hour, day of month, month, day of week), such as "45 0 * * *"',
  ],
  [
    "a mirror outside of its mount",
    (c) => (c.mirror.path = "/mnt/gdata2/amanda"),
    'mirror.path is "/mnt/gdata2/amanda": it must lie below mirror.mount, /mnt/gdata',
  ],
  [
    "a mirror on the data volume",
    (c) => Object.assign(c.mirror, { path: "/srv/amanda/mirror", mount: "/srv" }),
    'mirror.path is "/srv/amanda/mirror": it must be apart from server.dataPath, /srv/amanda',
  ],
  [
    "a data volume on the mirror",
    (c) => (c.server.dataPath = "/mnt/gdata/amanda/data"),
    'mirror.path is "/mnt/gdata/amanda": it must be apart from server.dataPath, /mnt/gdata/amanda/data',
  ],
  ...["root", "backup"].map((user): Case => [
    `a mirror that ${user} writes`,
    (c) => (c.mirror.user = user),
    `mirror.user is "${user}": give a user of its own: whoever writes the dumps must not reach their copy`,
  ]),
  [
    "a mirror without a type",
    (c) => delete c.mirror.fstype,
    "mirror.fstype is missing: give the type that `findmnt` shows for it, such as nfs4",
  ],
  [
    "a mail address with a command",
    (c) => (c.notify.mail = "root; sh"),
    'notify.mail is "root; sh": give a local user or an address like ops@example.org',
  ],
];
