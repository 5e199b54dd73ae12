// One mistake a run, by facts.which.
const pulumi = require("@pulumi/pulumi");
const { local, remote } = require("@pulumi/command");
const { folder, which } = require("./facts.json");

const connection = { host: "127.0.0.1", port: 1, user: "nobody", dialErrorLimit: 0 };
const file = `${folder}/must-not-exist`;
const mistakes = {
  hostKey: () =>
    new remote.Command("hostKey", { connection: { ...connection, hostKey: "no key" }, create: "true" }),
  copyToRemote: () =>
    new remote.CopyToRemote("copyToRemote", {
      connection,
      source: new pulumi.asset.StringAsset("x"),
      remotePath: file,
    }),
  run: () => local.runOutput({ command: `touch ${file}` }),
};
mistakes[which]();
