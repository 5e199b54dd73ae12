"""Bad input: one clear sentence each, before anything is changed where that can be known."""

from drive import lab
from drive.stack import Stack
from tests.integration.world import OnTheLab, disklist, machine

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfu1jSZnCOAq49T/R6J5bUTZZTyS32u7bsOF3YrzeL1"


def server_files():
    """What a refusal on the server must leave as it was."""
    return lab.ssh("server", "find /etc/amanda /etc/amanda-backup /etc/cron.d /srv/amanda/enrolment /srv/amanda/vtapes "
                             "-type f -print0 | sort -z | xargs -0 sha256sum").stdout


class Refusals(OnTheLab):
    def third_client(self, **facts):
        """One more client: the storage's machine, which is there and no client yet."""
        def add(config):
            config["clients"]["client3"] = {**machine(self.world.hosts, "storage"), "directories": ["/srv/b"], **facts}
        return add

    def unchanged(self, change, *words):
        before = server_files()
        done = self.up(change)
        self.refused(done, *words)
        self.assertEqual(server_files(), before)
        self.accepted(self.up())

    def test_every_mistake_in_the_configuration_is_told_at_once(self):
        def spoil(config):
            config["sets"]["daily"]["tapecycle"] = 2
            config["clients"]["client1"]["directories"] += ["/srv/a", "relative", {"path": "/srv/b", "sets": ["weekly"]}]
        self.stack.configure(self.world.changed(spoil))
        done = self.stack.preview(check=False)
        for words in (("tapecycle", "2"), ("/srv/a", "twice"), ("relative", "absolute"), ("weekly", "daily")):
            with self.subTest(words=words):
                self.refused(done, *words)

    def test_unreachable_host(self):
        self.unchanged(self.third_client(address="10.255.255.1"), "10.255.255.1")

    def test_wrong_host_key(self):
        self.unchanged(self.third_client(hostKey=OTHER_KEY), self.world.hosts["storage"]["address"], "host key")

    def test_wrong_user(self):
        self.unchanged(self.third_client(user="nobody-here"), "nobody-here")

    def test_no_sudo(self):
        lab.ssh("storage", "id plain >/dev/null 2>&1 || useradd -m -s /bin/sh plain; mkdir -p ~plain/.ssh; "
                           "cp ~debian/.ssh/authorized_keys ~plain/.ssh/; chown -R plain: ~plain/.ssh")
        self.unchanged(self.third_client(user="plain"), "plain", "sudo")

    def test_missing_path_on_a_client(self):
        def add(config):
            config["clients"]["client1"]["directories"].append("/srv/not there")
        self.unchanged(add, "/srv/not there", "client1")

    def test_a_client_that_is_down_is_named_and_blocks_no_other(self):
        lab.lab("power-off", "client2")
        self.addCleanup(lab.lab, "power-on", "client2")

        def add(config):
            for client in ("client1", "client2"):
                config["clients"][client]["directories"].append("/srv/b")
        self.refused(self.up(add), "client2")
        self.assertIn('client1 "/srv/b"', disklist())
        self.assertNotIn('client2 "/srv/b"', disklist())
        lab.lab("power-on", "client2")
        self.accepted(self.up(add))
        self.accepted(self.up())

    def test_mirror_that_is_not_mounted(self):
        lab.lab("storage-detach", "server")
        self.addCleanup(lab.lab, "storage-attach", "server")

        def change(config):
            config["sets"]["daily"]["schedule"] = "31 2 * * *"
        before = server_files()
        self.refused(self.up(change), "/mnt/gdata")
        self.assertEqual(server_files(), before)
        self.assertEqual(lab.ssh("server", "find /mnt/gdata -mindepth 1").stdout, "")
        lab.lab("storage-attach", "server")
        self.accepted(self.up())

    def test_a_data_volume_that_is_not_mounted(self):
        lab.ssh("server", "mv /srv/amanda /srv/away && mkdir /srv/amanda")
        self.addCleanup(lab.ssh, "server", "test ! -e /srv/away || { rmdir /srv/amanda; mv /srv/away /srv/amanda; }")

        def change(config):
            config["sets"]["daily"]["schedule"] = "32 2 * * *"
        self.refused(self.up(change), "/srv/amanda", "mount")
        self.assertEqual(lab.ssh("server", "ls -A /srv/amanda").stdout, "")
        lab.ssh("server", "rmdir /srv/amanda && mv /srv/away /srv/amanda")
        self.accepted(self.up())

    def test_no_space_for_the_vtapes(self):
        def grow(config):
            config["sets"]["daily"]["vtapeMB"] = 10_000_000
        self.unchanged(grow, "vtapes", "MB")


class Preview(OnTheLab):
    def test_it_needs_neither_hosts_nor_keys_and_no_stack_that_was_up(self):
        home = self.stack.home / "preview-only"
        stack = Stack("test-preview", home)
        self.addCleanup(stack.config_file.unlink, missing_ok=True)
        stack.init()
        config = self.world.changed(lambda config: None)
        for number, host in enumerate((config["server"], *config["clients"].values()), start=1):
            host.update(address=f"127.0.0.{number}", port=9)
        stack.configure(config)
        shown = stack.preview("--diff", "--show-full-output").stdout
        for line in ("tapecycle", 'client1 \\"/srv/a\\"'):
            self.assertIn(line, shown)

    def test_it_shows_a_change_of_amanda_conf_and_disklist_line_by_line(self):
        def change(config):
            config["sets"]["daily"]["dumpcycle"] = 1
            config["clients"]["client1"]["directories"].append("/srv/b")
        self.stack.configure(self.world.changed(change))
        shown = self.stack.preview("--diff").stdout
        lines = [line.strip() for line in shown.splitlines()]
        for line in ("- dumpcycle 2 days", "+ dumpcycle 1 days", '+ client1 "/srv/b" "/srv/b" {'):
            self.assertIn(line, lines)
