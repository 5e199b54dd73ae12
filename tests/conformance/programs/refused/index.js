// Each resource fails in its own way; run with --continue-on-error.
const pulumi = require("@pulumi/pulumi");
const { local, remote } = require("@pulumi/command");
const {
  folder,
  secret,
  target,
  proxy,
  login,
  otherLogin,
  otherHostKey,
  closedPort,
} = require("./facts.json");

const connection = { ...target, privateKey: login, dialErrorLimit: 2, perDialTimeout: 5 };
const create = `touch ${folder}/must-not-exist`;

new remote.Command("wrongHostKey", { connection: { ...connection, hostKey: otherHostKey }, create });
new remote.Command("wrongHostKeyOfProxy", {
  connection: {
    ...connection,
    proxy: { ...proxy, hostKey: otherHostKey, privateKey: login, dialErrorLimit: 2 },
  },
  create,
});
new remote.Command("wrongKey", { connection: { ...connection, privateKey: otherLogin }, create });
new remote.Command("wrongUser", { connection: { ...connection, user: "nobody-of-this-name" }, create });
new remote.Command("unreachable", { connection: { ...connection, port: closedPort }, create });
new remote.Command("unreachableBehindProxy", {
  connection: { ...connection, port: closedPort, proxy: { ...proxy, privateKey: login } },
  create,
});
new remote.Command("variableNotAccepted", {
  connection: { ...connection },
  create,
  environment: { NOT_ACCEPTED: "x" },
});
new remote.Command("failing", {
  connection,
  create: "echo said on stdout; echo the one sentence of the script >&2; exit 3",
  stdin: pulumi.secret(secret),
  logging: "none",
});
new local.Command("failingLocally", {
  create: "echo said on stdout; echo the one sentence of the script >&2; exit 3",
  stdin: pulumi.secret(secret),
  logging: "none",
});
new local.Command("noDirectory", { create, dir: `${folder}/no-such-folder` });
