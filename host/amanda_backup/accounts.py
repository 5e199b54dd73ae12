"""Accounts: the dump user's shell and .ssh, the account `enrol`, and sudo rules for exactly one command each."""

import pwd

from amanda_backup import preconditions, system

ENROL = "enrol"
ENROL_HOME = "/var/lib/amanda-backup-enrol"
SHELLS_WITHOUT_COMMANDS = ("nologin", "false")


def login_shell(changes, user):
    """sshd runs a forced command through the account's shell, so nologin would stop the dumps."""
    shell = pwd.getpwnam(user).pw_shell
    if shell.rsplit("/", 1)[-1] in SHELLS_WITHOUT_COMMANDS and changes.wanted(f"give {user} the shell /bin/sh"):
        system.run(["usermod", "--shell", "/bin/sh", user])


def ssh_directory(changes, home, group):
    """The folder .ssh of an account, root's own: the account cannot change who may log in or which hosts it trusts."""
    changes.directory(f"{home}/.ssh", mode=0o750, group=group)


def authorized_keys(changes, home, group, own, marker):
    """Give the account exactly `own` lines beside the foreign ones; ours end with the comment `marker`."""
    path = f"{home}/.ssh/authorized_keys"
    there = (system.read_text(changes.at(path)) or "").splitlines()
    foreign = [line for line in there if line.split(" ")[-1:] != [marker]]
    text = "".join(f"{line}\n" for line in [*foreign, *sorted(own)])
    changes.file(path, text, mode=0o640, group=group)


def sudoers(changes, name, rules):
    """Install /etc/sudoers.d/NAME after sudo's own parser took it; a wrong file there would lock sudo for everybody."""
    text = "# amanda-backup: written by converge\n" + "".join(f"{rule}\n" for rule in rules)
    path = f"/etc/sudoers.d/{name}"
    if not changes.check and not system.has_content(changes.at(path), text):
        done = system.run(["visudo", "-c", "-f", "-"], stdin=text, check=False)
        if done.returncode != 0:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise system.Refusal(
                f"sudo does not accept the rules for {path} ({' '.join(words)}); nothing was installed there"
            )
    changes.file(path, text, mode=0o440)


def enrol_account(changes, namespaces):
    """The account that other stacks reach by ssh: one key a namespace, one command a key, nothing else."""
    try:
        pwd.getpwnam(ENROL)
    except KeyError:
        if not changes.wanted(f"make the account {ENROL}"):
            return
        # '*' is no password at all, where a locked one ('!') would make sshd refuse the account without PAM.
        system.run(
            [
                "useradd",
                "--system",
                "--user-group",
                "--home-dir",
                ENROL_HOME,
                "--no-create-home",
                "--shell",
                "/bin/sh",
                "--password",
                "*",
                "--comment",
                "amanda-backup enrolment",
                ENROL,
            ]
        )
    command = f"{system.INSTALL_DIR}/enrol"
    changes.directory(ENROL_HOME, mode=0o755)
    ssh_directory(changes, ENROL_HOME, ENROL)
    sudoers(
        changes,
        "amanda-backup-enrol",
        [
            f'Defaults!{command} env_keep += "SSH_ORIGINAL_COMMAND", !requiretty',
            *[f"{ENROL} ALL=(root) NOPASSWD: {command} {name}" for name in sorted(namespaces)],
        ],
    )
    own = [
        f'command="sudo -n {command} {name}",restrict {public_key(facts["publicKey"], name)} amanda-backup'
        for name, facts in sorted(namespaces.items())
    ]
    authorized_keys(changes, ENROL_HOME, ENROL, own, "amanda-backup")


def public_key(text, whose):
    """The type and the base64 of an OpenSSH public key, without its comment."""
    if not preconditions.PUBLIC_KEY.fullmatch(text.strip()):
        raise system.Refusal(f"the public key of {whose} must be one line in OpenSSH form, like 'ssh-ed25519 AAAA…'")
    return " ".join(text.split()[:2])
