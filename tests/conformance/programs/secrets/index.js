// What the program makes its keys from.
const random = require("@pulumi/random");
const tls = require("@pulumi/tls");
const { local } = require("@pulumi/command");
const { folder } = require("./facts.json");

const password = new random.RandomPassword("password", { length: 3900, special: false });
const key = new tls.PrivateKey("key", { algorithm: "ED25519" });
// The secrets' own bytes, for the test to look for.
const keep = (name, value) =>
  new local.Command(name, { create: `cat > ${folder}/${name}`, stdin: value, logging: "none" });
keep("kept-password", password.result);
keep("kept-key", key.privateKeyOpenssh);
new random.RandomBytes("bytes", { length: 24 });
module.exports = { publicKey: key.publicKeyOpenssh };
