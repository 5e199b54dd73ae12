"""One Pulumi stack on the real engine, with a backend and a passphrase of its own."""

import json
import os
import re
import secrets

from drive.lab import ROOT, Failed, call

class Stack:
    """A stack of the project in `folder`, whose state lives in `home`; its configuration is Pulumi.NAME.yaml there."""

    def __init__(self, name, home, *, folder=ROOT, env=None):
        self.name = name
        self.home = home
        self.folder = folder
        self.project = re.search(r"^name: *(\S+)", (folder / "Pulumi.yaml").read_text(encoding="utf-8"), re.M)[1]
        self.config_file = folder / f"Pulumi.{name}.yaml"
        (home / "state").mkdir(parents=True, exist_ok=True)
        passphrase = home / "passphrase"
        if not passphrase.exists():
            with open(os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                out.write(secrets.token_urlsafe(24))
        self.env = {
            **{key: value for key, value in os.environ.items() if key not in ("SSH_AUTH_SOCK", "PULUMI_CONFIG_PASSPHRASE")},
            "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            **(env or {}),
        }

    def pulumi(self, *arguments, **options):
        return call([ROOT / "toolchain" / "run", "pulumi", *arguments, "--non-interactive", "--color", "never"],
                    env=self.env, cwd=self.folder, **options)

    def init(self, private_key=None):
        """Make the stack when it is not there; keep the administrator's ssh key as its secret."""
        if self.name not in [entry["name"] for entry in json.loads(self.pulumi("stack", "ls", "--json").stdout)]:
            self.config_file.unlink(missing_ok=True)
            self.pulumi("stack", "init", self.name)
            if private_key is not None:
                self.pulumi("config", "set", "--stack", self.name, "--secret", "sshPrivateKey", stdin=private_key)

    def configure(self, config):
        """Write this configuration, keeping what the engine wrote: the salt and the encrypted secrets."""
        kept = {}
        text = self.config_file.read_text(encoding="utf-8")
        salt = re.search(r'encryptionsalt"?: "?([^"\s,]+)', text)
        for key, value in re.findall(r'^ *"?(\S+?)"?:\s*\{?\s*"?secure"?: "?(\S+?)"?\s*\}?$', text, re.M):
            kept[key] = {"secure": value}
        document = {"encryptionsalt": salt[1], "config": {
            **kept, **{f"{self.project}:{key}": value for key, value in config.items()},
        }}
        # JSON is YAML, one key a line
        self.config_file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def up(self, *arguments, **options):
        """`pulumi up` as the README tells: a host that fails does not keep the others waiting."""
        return self.pulumi(
            "up", "--stack", self.name, "--yes", "--skip-preview", "--continue-on-error", *arguments, **options)

    def preview(self, *arguments, **options):
        return self.pulumi("preview", "--stack", self.name, *arguments, **options)

    def expect_no_changes(self):
        """Run `up` once more; raise Failed when it would change anything."""
        done = self.up("--expect-no-changes", check=False)
        if done.returncode != 0:
            raise Failed(f"a second `pulumi up` is not free of changes:\n{done.stdout}{done.stderr}")
        return done

    def outputs(self):
        return json.loads(self.pulumi("stack", "output", "--stack", self.name, "--json").stdout)

    def state(self):
        """The stack's state as it is exported: text, secrets encrypted."""
        return self.pulumi("stack", "export", "--stack", self.name).stdout
