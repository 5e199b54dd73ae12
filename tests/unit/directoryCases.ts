import { type Case } from "./prod";

/** Mistakes in directories, hooks and namespaces. */
export const directoryCases: Case[] = [
  [
    "an unknown set",
    (c) => (c.clients.db1.directories[0].sets = ["dayly"]),
    'clients.db1.directories[0].sets[0] is "dayly": no such set; did you mean daily? (known: daily)',
  ],
  [
    "no set for a directory",
    (c) => (c.clients.db1.directories[0].sets = []),
    "clients.db1.directories[0].sets is []: no set would dump the directory; name one or leave the directory out",
  ],
  [
    "an unknown client",
    (c) => (c.directories[0].client = "web"),
    'directories[0].client is "web": no such client; did you mean web1? (known: web1, db1)',
  ],
  [
    "a client's name from JavaScript",
    (c) => (c.directories[0].client = "constructor"),
    'directories[0].client is "constructor": no such client; known: web1, db1',
  ],
  [
    "no client",
    (c) => delete c.directories[0].client,
    "directories[0].client is missing: name the client that has the directory",
  ],
  [
    "a directory that is a number",
    (c) => (c.clients.web1.directories = [7]),
    "clients.web1.directories[0] is 7: give an absolute path, or a mapping with path and what else it needs",
  ],
  [
    "a directory without a path",
    (c) => (c.clients.web1.directories = [{ sets: ["daily"] }]),
    "clients.web1.directories[0].path is missing: give the absolute path of the directory",
  ],
  [
    "directories that are no list",
    (c) => (c.clients.web1.directories = "/srv"),
    'clients.web1.directories is "/srv": give a list',
  ],
  [
    "a relative directory",
    (c) => (c.clients.web1.directories = ["srv/www"]),
    'clients.web1.directories[0].path is "srv/www": give an absolute path',
  ],
  [
    "a directory with ..",
    (c) => (c.clients.web1.directories = ["/srv/../etc"]),
    `clients.web1.directories[0].path is "/srv/../etc": write it without '//', '.', '..' and a '/' at the end`,
  ],
  [
    "a directory with a line end",
    (c) => (c.clients.web1.directories = ["/srv/a\nb"]),
    'clients.web1.directories[0].path is "/srv/a\\nb": it holds a control character, which no Amanda file can carry; rename the folder or back up its parent',
  ],
  [
    "a directory with a paragraph's end",
    (c) => (c.clients.web1.directories = ["/srv/a\u2029b"]),
    'clients.web1.directories[0].path is "/srv/a\u2029b": it holds a control character, which no Amanda file can carry; rename the folder or back up its parent',
  ],
  [
    "a directory with half a character",
    (c) => (c.clients.web1.directories = ["/srv/\ud83d"]),
    'clients.web1.directories[0].path is "/srv/\\ud83d": it holds a control character, which no Amanda file can carry; rename the folder or back up its parent',
  ],
  [
    "a name that is too long",
    (c) => (c.clients.web1.directories = [`/${"x".repeat(136)}`]),
    `clients.web1.directories[0].path is "/${"x".repeat(74)} …: it is longer than 136 bytes; give a shorter \`name\` beside \`path\``,
  ],
  [
    "a name that is too long once it is encoded",
    (c) => (c.directories[0].path = `/${"é".repeat(38)}abc`),
    `directories[0].name is "/${"é".repeat(38)}abc": with its special characters encoded it is too long for a file name`,
  ],
  [
    "a path that is too long",
    (c) => (c.directories[0] = { client: "web1", name: "deep", path: `/${"x".repeat(1024)}` }),
    `directories[0].path is "/${"x".repeat(74)} …: it is longer than 1024 characters; back up its parent`,
  ],
  [
    "a pattern that is too long",
    (c) => (c.directories[0].exclude = ["x".repeat(1025)]),
    `directories[0].exclude[0] is "${"x".repeat(75)} …: it is longer than 1024 characters`,
  ],
  [
    "a directory twice",
    (c) => c.clients.web1.directories.push("/srv/www"),
    `clients.web1.directories[2] is "/srv/www": web1 has this name twice, first at clients.web1.directories[0] (Amanda takes '/', ':' and '\\' in a name for '_'); leave one out, or give it another \`name\``,
  ],
  [
    "a directory inline and by itself",
    (c) => (c.directories[0].path = "/home"),
    `directories[0] is "/home": web1 has this name twice, first at clients.web1.directories[1] (Amanda takes '/', ':' and '\\' in a name for '_'); leave one out, or give it another \`name\``,
  ],
  [
    "two names that Amanda takes for one",
    (c) => c.clients.web1.directories.push("/srv:www"),
    `clients.web1.directories[2] is "/srv:www": web1 has this name twice, first at clients.web1.directories[0] (Amanda takes '/', ':' and '\\' in a name for '_'); leave one out, or give it another \`name\``,
  ],
  [
    "a name with a backslash that Amanda takes for another",
    (c) => c.clients.web1.directories.push("/srv\\www"),
    `clients.web1.directories[2] is "/srv\\\\www": web1 has this name twice, first at clients.web1.directories[0] (Amanda takes '/', ':' and '\\' in a name for '_'); leave one out, or give it another \`name\``,
  ],
  [
    "an unknown dumptype",
    (c) => (c.directories[0].dumptype = "gnutar"),
    'directories[0].dumptype is "gnutar": no such dumptype; known: encrypt-gnutar-ssh',
  ],
  [
    "a client's dumptype on the server",
    (c) => (c.serverDirectories[0].dumptype = "encrypt-gnutar-ssh"),
    'serverDirectories[0].dumptype is "encrypt-gnutar-ssh": no such dumptype; did you mean encrypt-gnutar-local? (known: encrypt-gnutar-local)',
  ],
  [
    "an include that is no path",
    (c) => (c.directories[0].include = ["passwd"]),
    'directories[0].include[0] is "passwd": begin it with "./": it is relative to the directory',
  ],
  [
    "an empty exclude",
    (c) => (c.directories[0].exclude = [""]),
    'directories[0].exclude[0] is "": it is empty; leave it out or say something',
  ],
  [
    "an exclude of two lines",
    (c) => (c.directories[0].exclude = ["a\nb"]),
    'directories[0].exclude[0] is "a\\nb": it holds a control character, which no Amanda file can carry',
  ],
  [
    "a hook that is not there",
    (c) => (c.clients.db1.directories[0].before = ["dump"]),
    'clients.db1.directories[0].before[0] is "dump": no such hook in clients.db1.hooks; known: dump-db',
  ],
  [
    "a hook of another client",
    (c) => (c.directories[0].after = ["dump-db"]),
    'directories[0].after[0] is "dump-db": no such hook in clients.web1.hooks; none is known',
  ],
  [
    "a hook twice",
    (c) => (c.clients.db1.directories[0].before = ["dump-db", "dump-db"]),
    'clients.db1.directories[0].before[1] is "dump-db": it is there twice; name it once',
  ],
  [
    "a hook's name that is a path",
    (c) => (c.clients.web1.hooks = { "a/b": c.clients.db1.hooks["dump-db"] }),
    `the name clients.web1.hooks.a/b is "a/b": use at most 48 lower-case letters, digits and '-', with a letter or digit first`,
  ],
  [
    "a hook without an interpreter",
    (c) => (c.clients.db1.hooks["dump-db"].script = "pg_dumpall"),
    'clients.db1.hooks.dump-db.script is "pg_dumpall": begin the script with its interpreter, such as "#!/bin/sh"',
  ],
  [
    "a hook without a user",
    (c) => delete c.clients.db1.hooks["dump-db"].user,
    "clients.db1.hooks.dump-db.user is missing: name the account that runs the script",
  ],
  [
    "a namespace without a dot-free name",
    (c) => (c.namespaces = { "a/b": c.namespaces["webshop.prod"] }),
    `the name namespaces.a/b is "a/b": use PROJECT.STACK, at most 63 letters, digits, '.', '_' and '-', with a letter or digit first`,
  ],
  [
    "a namespace's network that is none",
    (c) => (c.namespaces["webshop.prod"].hosts = ["10.0.0.0/33"]),
    'namespaces.webshop.prod.hosts[0] is "10.0.0.0/33": give a client\'s name, an IP address or a network like 10.1.0.0/24',
  ],
];
