/** Above every limit of the programs themselves (host/bootstrap.py): it ends what hangs in ssh or sudo. */
const LIMIT_SECONDS = 3 * 3600;

const RUN =
  "import json, sys; document = json.load(sys.stdin); " +
  'exec(compile(document["programs"]["bootstrap.py"], "bootstrap.py", "exec"))';

/**
 * The one line that converges a host, for create and update alike: it becomes root and runs the document's
 * bootstrap.py. It is short and constant, since every failure prints it.
 */
export const INSTALL_LINE = [
  'fail() { echo "amanda-backup: $(id -un)@$(hostname): $1" >&2; exit 1; }',
  'command -v python3 >/dev/null || fail "there is no python3; install it"',
  '[ "$(id -u)" = 0 ] || sudo -n true </dev/null 2>/dev/null || ' +
    'fail "sudo is not allowed without a password; let this account run sudo -n"',
  `$([ "$(id -u)" = 0 ] || echo sudo -n) timeout --kill-after=60 ${LIMIT_SECONDS} python3 -I -c '${RUN}'`,
].join("; ");

/** What the forced command of the account `enrol` takes. */
export const ENROL_LINE = "enrol";
export const WITHDRAW_LINE = "withdraw";
