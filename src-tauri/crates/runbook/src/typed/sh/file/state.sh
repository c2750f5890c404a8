
beside=$dir/.${path##*/}.daytwo-$mark
bak=$beside.bak
note=$beside.note

# The digest tells whether somebody changed the file; a checksum is enough where there is no better.
digest() {
  if command -v sha256sum >/dev/null 2>&1; then
    set -- sha256 "$(sha256sum <"$1")"
  elif command -v shasum >/dev/null 2>&1; then
    set -- sha256 "$(shasum -a 256 <"$1")"
  elif command -v openssl >/dev/null 2>&1; then
    set -- sha256 "$(openssl dgst -sha256 -r <"$1")"
  else
    set -- cksum "$(cksum <"$1" | tr ' ' -)"
  fi
  [ -n "$2" ] || return 1
  printf '%s:%s\n' "$1" "${2%% *}"
}

# What is at $1, in one line: `nothing`, or `file`, mode, owner and digest.
state() {
  check_kind "$1"
  if [ ! -e "$1" ]; then
    echo nothing
    return
  fi
  about=$(stat -c '%a %u:%g' -- "$1") || refuse "mode and owner of $1 cannot be read"
  content_digest=$(digest "$1") || refuse "$1 cannot be read"
  printf 'file %s %s\n' "$about" "$content_digest"
}

# Makes an empty file that nobody else can read; it never follows a link that lies in wait.
make() {
  rm -f -- "$1"
  (umask 077 && set -C && : >"$1")
}
