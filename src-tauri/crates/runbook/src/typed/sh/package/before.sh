
now=$(state) || exit 1
package_right "$now" || check_hold "$now"
printf '%s\n' "$now"
