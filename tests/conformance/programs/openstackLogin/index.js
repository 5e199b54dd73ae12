// One resource, so that the provider has to log in.
const { networking } = require("@pulumi/openstack");

new networking.Network("network", { name: "backup" });
