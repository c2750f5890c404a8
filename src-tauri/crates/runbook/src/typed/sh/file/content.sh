
command -v cmp >/dev/null 2>&1 || refuse "this host has no cmp, so it cannot be seen what $path holds"

# Where printf is no part of the shell, everybody on the host could read its arguments.
write() {
  if [ -n "${KSH_VERSION-}" ]; then
    # shellcheck disable=SC3044,SC2039
    print -nr -- "$content"
  else
    printf '%s' "$content"
  fi
}

# Whether $1 holds the content, byte for byte.
holds() {
  write 2>/dev/null | cmp -s - "$1"
}
