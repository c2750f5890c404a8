set -eu
# Programs answer in one language here. The host's own is kept for what is to grow up in it: a
# database that is installed takes its encoding from there.
host_locale=${LC_ALL-}
LC_ALL=C
export LC_ALL

refuse() {
  printf '%s\n' "$1" >&2
  exit 1
}
