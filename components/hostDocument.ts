import { type Host } from "./host";
import { programs, type Role } from "./render/programs";

/** Seconds that a machine which may still be booting has until cloud-init is done. */
const BOOT_SECONDS = 300;

/** What a host is to be, as its bootstrap.py takes it; docs/contracts.md. */
export function hostDocument(
  host: Host,
  role: Role,
  { files = {}, settings }: { files?: Record<string, string>; settings: Record<string, unknown> },
): Record<string, unknown> {
  return {
    format: 1,
    role,
    identity: host.identity,
    boot: host.boots ? BOOT_SECONDS : null,
    closeMetadata: host.closeMetadata ?? false,
    programs: programs(role),
    files,
    settings,
  };
}
