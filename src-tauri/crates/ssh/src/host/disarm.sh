# Tells the host that all is well with an attempt. The rename decides, once and for all: see dt_guard.

disarm() {
  dt_facts || { echo "unknown noplace"; return; }
  dt_each dt_has || { echo "unknown vanished"; return; }
  if [ -e "$dt_dir/armed" ] && mv "$dt_dir/armed" "$dt_dir/disarmed" 2>/dev/null; then echo disarmed; return; fi
  if [ -e "$dt_dir/disarmed" ]; then
    echo disarmed
  elif [ ! -e "$dt_dir/fired" ]; then
    echo "unknown unarmed"
  elif dt_first "$dt_dir/undo.end"; then
    echo "fired $dt_line"
  else
    echo fired
  fi
}
