
case $path in
  /*[!/]) ;;
  *) refuse "$path is not the absolute path of a link" ;;
esac
dir=${path%/*}
[ -d "$dir/" ] || refuse "$dir is not a directory"

# What is there, in one line: `nothing`, or `link` and where it leads.
state() {
  if [ -L "$path" ]; then
    leads=$(readlink -n -- "$path" && echo .) || refuse "it cannot be read where $path leads"
    leads=${leads%.}
    case $leads in
      *[[:cntrl:]]*) refuse "$path leads to a name with a control character, which cannot be noted" ;;
    esac
    printf 'link %s\n' "$leads"
  elif [ -e "$path" ]; then
    refuse "$path is there and is not a link; it is left as it is"
  else
    echo nothing
  fi
}
