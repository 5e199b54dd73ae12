// One server for each, so that its connections can be counted.
const { remote } = require("@pulumi/command");
const { wrongHostKey, wrongKey, rsaTarget, otherHostKey, login, otherLogin } = require("./facts.json");

const limits = { dialErrorLimit: 8, perDialTimeout: 5 };

new remote.Command("wrongHostKey", {
  connection: { ...wrongHostKey, ...limits, privateKey: login },
  create: "true",
});
new remote.Command("wrongKey", {
  connection: { ...wrongKey, ...limits, privateKey: otherLogin },
  create: "true",
});
new remote.Command("otherKind", {
  connection: { ...rsaTarget, ...limits, hostKey: otherHostKey, privateKey: login },
  create: "true",
});
