
# Leads the link to $1 in one go: a new link beside it takes its place.
lead() {
  next=$dir/.${path##*/}.daytwo-$mark.new
  rm -f -- "$next"
  ln -s -- "$1" "$next"
  # Without -T, mv would put the new link into the directory that the old one leads to.
  if ! mv -fT -- "$next" "$path" 2>/dev/null; then
    rm -f -- "$next"
    [ -L "$path" ] || [ ! -e "$path" ] || refuse "$path is not a link any more; it is left as it is"
    ln -sfn -- "$1" "$path"
  fi
}
