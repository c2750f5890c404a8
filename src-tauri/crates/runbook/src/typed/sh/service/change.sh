
now=$(state) || exit 1
if ! enabled_right "$now"; then
  case $enabled in
    yes) install_as enabled ;;
    no) install_as disabled ;;
  esac
fi
case $want:$now in
  started:active\ * | started:reloading\ *) printf '%s is already active\n' "$unit" ;;
  started:*) systemctl_do start ;;
  stopped:*)
    if [ "$(direction "$now")" = down ]; then
      printf '%s is already stopped\n' "$unit"
    else
      systemctl_do stop
    fi
    ;;
  restarted:*) systemctl_do restart ;;
  reloaded:*) systemctl_do reload ;;
esac
now_after=$(state) || exit 1
printf '%s: %s; before: %s\n' "$unit" "$now_after" "$now"
