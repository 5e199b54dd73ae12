"""Tests of the host programs on hosts of the lab: real systemd, sshd, sudo, cron, packages and Amanda."""
