"""What the amanda-backup programs on a host share."""
