import fc from "fast-check";
import { parse } from "yaml";
import { userData } from "../../components/render/userData";
import { reviewed } from "./example";

const BOOT = {
  hostKey: {
    privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nthe private half\n-----END OPENSSH PRIVATE KEY-----\n",
    publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZnCOAq49T/R6J5bUTZZTyS32u7bsOF3YrzeL1",
  },
  adminKeys: [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJs0baB4TTusro+cwOi3zlSwSwRDFcgWv9JsGE7W6umb admin@example.org",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII4C0rS5nFSvxbbW7CxiGTrNdvHe1DNVc+Dcl4PSnBhD",
  ],
};

test("the user data is the reviewed text: a change would replace every machine that is made", () => {
  expect(userData(BOOT)).toBe(reviewed("user-data", userData(BOOT)));
});

test("it is YAML for cloud-init whatever is in a key's comment, and nothing is added to it", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (adminKeys) => {
      fc.pre(adminKeys.every((key) => !/\p{Surrogate}/u.test(key)));
      const text = userData({ ...BOOT, adminKeys });
      expect(text.startsWith("#cloud-config\n")).toBe(true);
      expect(parse(text)).toEqual({
        ssh_authorized_keys: adminKeys,
        ssh_deletekeys: true,
        ssh_keys: { ed25519_private: BOOT.hostKey.privateKey, ed25519_public: BOOT.hostKey.publicKey },
      });
    }),
  );
});
