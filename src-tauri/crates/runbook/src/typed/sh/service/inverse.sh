
now=$(state) || exit 1
run_now='' run_was='' run_left=''
if [ -n "$want" ]; then
  run_now=$(direction "$now")
  run_was=$(direction "$was")
  case $want in
    stopped) run_left=down ;;
    *) run_left=up ;;
  esac
fi
file_now='' file_was=''
if [ -n "$enabled" ]; then
  file_now=${now##* }
  file_was=${was##* }
fi

changed_since() {
  refuse "$unit was changed since: $now; before this step: $was. It is left as it is"
}
[ "$run_now" = "$run_was" ] || [ "$run_now" = "$run_left" ] || changed_since
[ "$file_now" = "$file_was" ] || enabled_right "$now" || changed_since

[ "$file_now" = "$file_was" ] || install_as "$file_was"
if [ "$run_now" != "$run_was" ]; then
  case $run_was in
    up) systemctl_do start ;;
    down) systemctl_do stop ;;
  esac
fi
now=$(state) || exit 1
printf '%s: %s; before this step: %s\n' "$unit" "$now" "$was"
