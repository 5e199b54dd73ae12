// Everything that a preview on an empty stack cannot know yet: made by other
// resources, and the host does not exist.
const pulumi = require("@pulumi/pulumi");
const { local, remote } = require("@pulumi/command");
const random = require("@pulumi/random");
const tls = require("@pulumi/tls");
const { folder, port } = require("./facts.json");

const address = new local.Command("address", { create: "echo 127.0.0.1" }).stdout;
const key = new tls.PrivateKey("key", { algorithm: "ED25519" });
const password = new random.RandomPassword("password", { length: 20 });
new remote.Command("all", {
  connection: {
    host: address,
    port: new random.RandomInteger("port", { min: port, max: port }).result,
    user: address.apply((text) => `user-${text}`),
    hostKey: key.publicKeyOpenssh,
    privateKey: key.privateKeyOpenssh,
    proxy: { host: address, user: "proxy", privateKey: key.privateKeyOpenssh },
    dialErrorLimit: 0,
    perDialTimeout: 1,
  },
  create: pulumi.interpolate`touch ${folder}/ran-${address}`,
  stdin: password.result,
  environment: { KEY: address },
  triggers: [address],
});
new local.Command("local", {
  create: pulumi.interpolate`touch ${folder}/ran-${address}`,
  stdin: password.result,
  environment: { KEY: address },
  triggers: [address],
  dir: address.apply((text) => `/no/such/${text}`),
});
