# shellcheck shell=sh
# What every script here shares: finding Deno of the pinned version, bringing packages,
# saying things on stderr. A script sets `root` to the checkout, then sources this file.

deno_version=$(cat "$root/scripts/deno-version")
# Without a home directory the cache stands in the checkout, never in a directory that others may write.
export HANA_CACHE="${XDG_CACHE_HOME:-${HOME:-$root/dist}/.cache}/hana"

# Trust the machine's certificates as well, so that downloads work behind a proxy that has its own.
export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-system,mozilla}"
export DENO_NO_UPDATE_CHECK=1
# npm has nothing to say to whoever runs hana.
export NPM_CONFIG_UPDATE_NOTIFIER=false

say() { printf '%s\n' "hana: $*" >&2; }

die() {
  say "$1"
  exit "${2:-70}"
}

# Sets `deno` to the path of Deno of the pinned version: on PATH, else brought by npx. What npx found is
# remembered by its real path, since asking npx again costs half a second a call.
find_deno() {
  deno=$(command -v deno 2>/dev/null || true)
  if [ -n "$deno" ] && [ "$("$deno" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 2)" = "$deno_version" ]; then
    return 0
  fi
  remembered="$HANA_CACHE/deno-$deno_version.path"
  if [ -r "$remembered" ]; then
    deno=$(cat "$remembered")
    [ -x "$deno" ] && return 0
  fi
  command -v npx >/dev/null 2>&1 ||
    die "cannot find Deno $deno_version: neither it nor npx is on PATH. Install Deno $deno_version or Node.js" 69
  say "bringing Deno $deno_version by npx (once)"
  deno=$(npx -y "deno@$deno_version" eval 'console.log(Deno.execPath())' </dev/null) ||
    die "npx could not bring deno@$deno_version: see above" 69
  [ -x "$deno" ] || die "npx brought no runnable deno@$deno_version (got '$deno')" 69
  # Written beside and renamed, so that two scripts at once never read half a path. A cache that cannot be
  # written costs time, nothing else.
  if mkdir -p "$HANA_CACHE" 2>/dev/null && printf '%s\n' "$deno" 2>/dev/null >"$remembered.$$"; then
    mv -f "$remembered.$$" "$remembered"
  fi
}

# Downloads the packages of the lock once, so that later runs work offline.
# The mark carries the lock's checksum and the package cache's place: when either changes, they are fetched again.
bring_packages() {
  key=$(printf '%s' "${DENO_DIR:-default}" | cat - "$root/deno.lock" | cksum | tr ' ' '-')
  mark="$HANA_CACHE/packages-$key"
  [ -e "$mark" ] && return 0
  say "downloading packages (first run only)"
  (cd "$root" && "$deno" install --quiet --frozen >&2) || die "packages could not be downloaded: see above" 69
  { mkdir -p "$HANA_CACHE" && : >"$mark"; } 2>/dev/null || true
}
