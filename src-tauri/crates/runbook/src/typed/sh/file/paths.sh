
case $path in
  *'
'*) refuse "the path holds a line end" ;;
  /*[!/]) ;;
  *) refuse "$path is not the absolute path of a file" ;;
esac
dir=${path%/*}
[ -d "$dir/" ] || refuse "$dir is not a directory"

# Fails for all but a regular file, and nothing. A link is not followed: what it leads to may be
# somebody else's choice.
check_kind() {
  if [ -L "$1" ]; then
    refuse "$1 is a symbolic link; it is left as it is"
  elif [ -e "$1" ] && [ ! -f "$1" ]; then
    refuse "$1 is there and is not a regular file; it is left as it is"
  fi
}
