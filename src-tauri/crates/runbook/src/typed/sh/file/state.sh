
beside=$dir/.${path##*/}.daytwo-$mark
bak=$beside.bak
note=$beside.note

# The digest tells whether somebody changed the file; a checksum is enough where there is no better.
# It goes through echo, which is a part of every shell: a command's arguments could be read by others.
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
  echo "$1:${2%% *}"
}

# What is at $1, in one line: `nothing`, or `file`, mode, owner and what the function $2 says of it.
# That is the last word, so that "${line% *}" is what people may read.
describe() {
  check_kind "$1"
  if [ ! -e "$1" ]; then
    echo nothing
    return
  fi
  about=$(stat -c '%a %u:%g' -- "$1") || refuse "mode and owner of $1 cannot be read"
  told=$("$2" "$1") || refuse "$1 cannot be read"
  echo "file $about $told"
}

# What is at $1, with a digest. It is for comparing on this host, and never printed.
state() {
  describe "$1" digest
}

# The state $1 for people, beside the state $2. Where only what is not shown differs, words say it.
apart() {
  if [ "$1" != "$2" ] && [ "${1% *}" = "${2% *}" ]; then
    echo "${1% *}, with another content"
  else
    echo "${1% *}"
  fi
}

# Makes an empty file that nobody else can read; it never follows a link that lies in wait.
make() {
  rm -f -- "$1"
  (umask 077 && set -C && : >"$1")
}
